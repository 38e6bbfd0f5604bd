"""What a node's kubelet answers through the API server: GET nodes/<node>/proxy/stats/summary.

As with a real one, a hostPath volume is not measured at all, a `local` one shows the whole file system of its node,
and a volume of a CSI driver shows itself.
"""

import zlib

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig, now_text
from minispod.simulator.kubernetes.machinery.kinds import CLAIMS, NODES, PODS, VOLUMES
from minispod.simulator.kubernetes.machinery.quantities import amount
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.wire.metrics import pod_usage

_SHARE_OF_THE_SIZE = 0.97  # a file system keeps some of its device for itself


def summary(cluster: Cluster, node_name: str) -> Json:
    """What the kubelet of a node says of the node and its pods; a node that is off does not answer."""
    node = cluster.store.get(NODES, "", node_name)
    if node_name in cluster.controllers.kubelets.off:
        text = f"error trying to reach service: dial tcp {node_name}:10250: connect: no route to host"
        raise Refusal(503, "ServiceUnavailable", text)
    pods = [pod for pod in cluster.store.list(PODS) if dig(pod, "spec", "nodeName") == node_name]
    disk = int(amount(dig(node, "status", "capacity", "ephemeral-storage", default="100Gi")))
    return {
        "node": {"nodeName": node_name, "fs": _statistics(disk, disk // 8)},
        "pods": [_pod(cluster, pod, disk) for pod in pods],
    }


def _pod(cluster: Cluster, pod: Json, disk: int) -> Json:
    metadata = pod["metadata"]
    containers = [
        {
            "name": name,
            "cpu": {"time": now_text(), "usageNanoCores": int(cores * 1e9)},
            "memory": {"time": now_text(), "workingSetBytes": int(memory)},
        }
        for name, cores, memory in pod_usage(cluster, pod)
    ]
    told: Json = {
        "podRef": {key: metadata[key] for key in ("name", "namespace", "uid")},
        "containers": containers,
    }
    volumes = [
        _volume(cluster, metadata["namespace"], each, disk) for each in pod["spec"].get("volumes") or ()
    ]
    measured = [each for each in volumes if each is not None]
    if containers and measured:
        told["volume"] = measured
    return told


def _volume(cluster: Cluster, namespace: str, volume: Json, disk: int) -> Json | None:
    if "emptyDir" in volume:
        return {**_statistics(disk, 12288), "name": volume["name"]}
    name = dig(volume, "persistentVolumeClaim", "claimName")
    claim = cluster.store.find(CLAIMS, namespace, name) if name else None
    bound = cluster.store.find(VOLUMES, "", dig(claim, "spec", "volumeName", default="")) if claim else None
    if claim is None or bound is None or "hostPath" in bound["spec"]:
        return None
    size = disk
    if "csi" in bound["spec"]:
        size = int(int(amount(dig(claim, "status", "capacity", "storage"))) * _SHARE_OF_THE_SIZE)
    used = size * (5 + zlib.crc32(claim["metadata"]["uid"].encode()) % 60) // 100
    return {
        **_statistics(size, used),
        "name": volume["name"],
        "pvcRef": {"name": name, "namespace": namespace},
    }


def _statistics(size: int, used: int) -> Json:
    return {
        "time": now_text(),
        "capacityBytes": size,
        "usedBytes": used,
        "availableBytes": size - used,
    }
