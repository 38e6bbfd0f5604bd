"""What a new cluster has: the reference nodes, the system namespaces, the default classes.

One 64 GiB master kept for the platform and two 32 GiB workers, as the product's reference cluster.
"""

from typing import NamedTuple

from minispod.simulator.kubernetes.controllers.nodes import healthy_conditions
from minispod.simulator.kubernetes.machinery.jsonish import Json, now_text
from minispod.simulator.kubernetes.machinery.kinds import (
    INGRESS_CLASSES,
    LEASES,
    NAMESPACES,
    NODES,
    PRIORITY_CLASSES,
    SERVICES,
    STORAGE_CLASSES,
)
from minispod.simulator.kubernetes.registry import Registry, Writer
from minispod.simulator.kubernetes.wire.discovery import GIT_VERSION


class Machine(NamedTuple):
    """A node of the reference cluster."""

    name: str
    cores: int
    memory_gib: int
    disk_gib: int
    address: str
    master: bool = False


MACHINES = (
    Machine("master", 24, 64, 960, "10.20.0.10", master=True),
    Machine("worker-1", 16, 32, 480, "10.20.0.11"),
    Machine("worker-2", 16, 32, 480, "10.20.0.12"),
)
SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def sow(registry: Registry) -> None:
    """Put the first objects into an empty store."""
    for name in SYSTEM_NAMESPACES:
        registry.create(NAMESPACES, "", {"metadata": {"name": name}}, Writer("k3s"))
    for machine in MACHINES:
        registry.create(NODES, "", _node(machine), Writer("k3s"))
        registry.create(LEASES, "kube-node-lease", _lease(machine.name), Writer("k3s"))
    registry.create(STORAGE_CLASSES, "", _local_path(), Writer("k3s"))
    for name, value in (("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)):
        registry.create(PRIORITY_CLASSES, "", {"metadata": {"name": name}, "value": value}, Writer("k3s"))
    for name in ("traefik", "nginx"):
        registry.create(INGRESS_CLASSES, "", _ingress_class(name), Writer("k3s"))
    service = {
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "clusterIP": "10.43.0.1",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }
    registry.create(SERVICES, "default", service, Writer("k3s"))


def _node(machine: Machine) -> Json:
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": machine.name,
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "k3s",
    }
    node: Json = {
        "metadata": {"name": machine.name, "labels": labels},
        "spec": {},
        "status": _node_status(machine),
    }
    number = MACHINES.index(machine)
    node["spec"] = {"podCIDR": f"10.42.{number}.0/24", "podCIDRs": [f"10.42.{number}.0/24"]}
    node["spec"]["providerID"] = f"k3s://{machine.name}"
    if machine.master:
        for role in ("control-plane", "master"):
            labels[f"node-role.kubernetes.io/{role}"] = "true"
        node["spec"]["taints"] = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    return node


def _node_status(machine: Machine) -> Json:
    memory = machine.memory_gib * 1024 * 1024
    disk = machine.disk_gib * 1024 * 1024
    capacity = {
        "cpu": str(machine.cores),
        "memory": f"{memory}Ki",
        "ephemeral-storage": f"{disk}Ki",
        "pods": "110",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
    }
    allocatable = {**capacity, "ephemeral-storage": str(disk * 1024 * 95 // 100)}
    number = f"{MACHINES.index(machine) + 1:08x}"
    return {
        "capacity": capacity,
        "allocatable": allocatable,
        "conditions": _conditions(),
        "addresses": [
            {"type": "InternalIP", "address": machine.address},
            {"type": "Hostname", "address": machine.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": f"{number}8f5a4c0c9d2e4d6b8a1f3c57",
            "systemUUID": f"{number}-8f5a-4c0c-9d2e-4d6b8a1f3c57",
            "bootID": f"{number}-1b7e-47c1-a0f4-5f0c2d9e6a33",
            "kernelVersion": "6.1.0-37-amd64",
            "osImage": "Debian GNU/Linux 12 (bookworm)",
            "containerRuntimeVersion": "containerd://2.1.5-k3s1",
            "kubeletVersion": GIT_VERSION,
            "kubeProxyVersion": GIT_VERSION,
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


def _conditions() -> list[Json]:
    now = now_text()
    return [
        {
            "type": type_,
            "status": status,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for type_, status, reason, message in healthy_conditions()
    ]


def _lease(node: str) -> Json:
    return {"metadata": {"name": node}, "spec": {"holderIdentity": node, "leaseDurationSeconds": 40}}


def _local_path() -> Json:
    return {
        "metadata": {
            "name": "local-path",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _ingress_class(name: str) -> Json:
    metadata: Json = {"name": name}
    if name == "traefik":
        metadata["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    controllers = {"traefik": "traefik.io/ingress-controller", "nginx": "k8s.io/ingress-nginx"}
    return {"metadata": metadata, "spec": {"controller": controllers[name]}}
