"""The columns of each kind's table."""

from collections.abc import Callable
from typing import Any, NamedTuple

from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.selectors import selector_text
from minispod.simulator.kubernetes.pod_facts import condition
from minispod.simulator.kubernetes.wire.ages import age, since


class Column(NamedTuple):
    """One column: its title and how an object fills it."""

    title: str
    show: Callable[[Json], Any]
    type: str = "string"
    priority: int = 0


def _path(*path: str, default: Any = None) -> Callable[[Json], Any]:
    return lambda obj: dig(obj, *path, default=default)


def _pod_ready(pod: Json) -> str:
    found = dig(pod, "status", "containerStatuses", default=[])
    return f"{sum(1 for one in found if one['ready'])}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Json) -> str:
    """The one word kubectl shows for all that goes on in a pod."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    word: str = dig(pod, "status", "reason") or dig(pod, "status", "phase", default="Unknown")
    inits = dig(pod, "status", "initContainerStatuses", default=[])
    for at, one in enumerate(inits):
        ended = dig(one, "state", "terminated")
        if ended and ended["exitCode"] == 0:
            continue
        if ended:
            return f"Init:{ended.get('reason', 'Error')}"
        waiting = dig(one, "state", "waiting", "reason")
        return f"Init:{waiting}" if waiting not in (None, "PodInitializing") else f"Init:{at}/{len(inits)}"
    for one in reversed(dig(pod, "status", "containerStatuses", default=[])):
        if waiting := dig(one, "state", "waiting", "reason"):
            word = waiting
        elif ended := dig(one, "state", "terminated"):
            word = ended.get("reason") or f"ExitCode:{ended['exitCode']}"
    return word


def _pod_restarts(pod: Json) -> str:
    return str(sum(one["restartCount"] for one in dig(pod, "status", "containerStatuses", default=[])))


def _images(obj: Json) -> str:
    return ",".join(one["image"] for one in dig(obj, "spec", "template", "spec", "containers", default=[]))


def _containers(obj: Json) -> str:
    return ",".join(one["name"] for one in dig(obj, "spec", "template", "spec", "containers", default=[]))


def _selector(obj: Json) -> str:
    return selector_text(dig(obj, "spec", "selector"))


def _deployment_ready(obj: Json) -> str:
    return f"{dig(obj, 'status', 'readyReplicas', default=0)}/{dig(obj, 'spec', 'replicas', default=0)}"


def _ports(service: Json) -> str:
    shown = []
    for port in dig(service, "spec", "ports", default=[]):
        outside = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{outside}/{port['protocol']}")
    return ",".join(shown)


def _external(service: Json) -> str | None:
    if dig(service, "spec", "type") == "ExternalName":
        return str(dig(service, "spec", "externalName"))
    found = dig(service, "status", "loadBalancer", "ingress", default=[])
    return ",".join(one.get("ip") or one.get("hostname", "") for one in found)


def _service_selector(service: Json) -> str:
    return ",".join(f"{key}={value}" for key, value in dig(service, "spec", "selector", default={}).items())


def _node_status(node: Json) -> str:
    ready = condition(node, "Ready")
    words = ["Ready" if ready and ready["status"] == "True" else "NotReady"]
    if dig(node, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(node: Json) -> str:
    prefix = "node-role.kubernetes.io/"
    return ",".join(
        sorted(
            key.removeprefix(prefix)
            for key in dig(node, "metadata", "labels", default={})
            if key.startswith(prefix)
        )
    )


def _address(type_: str) -> Callable[[Json], str | None]:
    return lambda node: next(
        (one["address"] for one in dig(node, "status", "addresses", default=[]) if one["type"] == type_), None
    )


def _event_seen(event: Json) -> str:
    seen = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    count = event.get("count", 1)
    first = event.get("firstTimestamp")
    return f"{since(seen)} (x{count} over {since(first)})" if count > 1 and first else since(seen)


def _event_object(event: Json) -> str:
    about = event["involvedObject"]
    return f"{about['kind'].lower()}/{about['name']}"


def _modes(obj: Json) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(short.get(mode, mode) for mode in dig(obj, "spec", "accessModes", default=[]))


def _hosts(ingress: Json) -> str:
    return ",".join(rule.get("host", "*") for rule in dig(ingress, "spec", "rules", default=[])) or "*"


def _quota(prefix: str) -> Callable[[Json], str]:
    def show(quota: Json) -> str:
        hard, used = dig(quota, "status", "hard", default={}), dig(quota, "status", "used", default={})
        keys = sorted(key for key in hard if key.startswith("limits.") == (prefix == "limits."))
        return ", ".join(f"{key}: {used.get(key, '0')}/{hard[key]}" for key in keys)

    return show


def _claim_place(volume: Json) -> str:
    found = dig(volume, "spec", "claimRef", default={})
    return f"{found['namespace']}/{found['name']}" if found else ""


def _endpoint_addresses(endpoints: Json) -> str:
    shown = [
        f"{one['ip']}:{port['port']}"
        for subset in endpoints.get("subsets") or ()
        for one in subset.get("addresses") or ()
        for port in subset.get("ports") or ({"port": ""},)
    ]
    return ",".join(shown[:3]) + (f" + {len(shown) - 3} more..." if len(shown) > 3 else "")


def _job_status(job: Json) -> str:
    for one in dig(job, "status", "conditions", default=[]):
        if one["type"] in ("Complete", "Failed") and one["status"] == "True":
            return str(one["type"])
    return "Running"


AGE = Column("Age", age)
WORKLOAD = (Column("Containers", _containers, priority=1), Column("Images", _images, priority=1))
COLUMNS: dict[str, tuple[Column, ...]] = {
    "Pod": (
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", _path("status", "podIP"), priority=1),
        Column("Node", _path("spec", "nodeName"), priority=1),
        Column("Nominated Node", _path("status", "nominatedNodeName"), priority=1),
        Column("Readiness Gates", lambda pod: None, priority=1),
    ),
    "Deployment": (
        Column("Ready", _deployment_ready),
        Column("Up-to-date", _path("status", "updatedReplicas", default=0), "integer"),
        Column("Available", _path("status", "availableReplicas", default=0), "integer"),
        AGE,
        *WORKLOAD,
        Column("Selector", _selector, priority=1),
    ),
    "ReplicaSet": (
        Column("Desired", _path("spec", "replicas", default=0), "integer"),
        Column("Current", _path("status", "replicas", default=0), "integer"),
        Column("Ready", _path("status", "readyReplicas", default=0), "integer"),
        AGE,
        *WORKLOAD,
        Column("Selector", _selector, priority=1),
    ),
    "StatefulSet": (Column("Ready", _deployment_ready), AGE, *WORKLOAD),
    "Job": (
        Column("Status", _job_status),
        Column(
            "Completions",
            lambda job: f"{dig(job, 'status', 'succeeded', default=0)}/{job['spec']['completions']}",
        ),
        AGE,
    ),
    "Service": (
        Column("Type", _path("spec", "type")),
        Column("Cluster-IP", _path("spec", "clusterIP")),
        Column("External-IP", _external),
        Column("Port(s)", _ports),
        AGE,
        Column("Selector", _service_selector, priority=1),
    ),
    "Endpoints": (Column("Endpoints", _endpoint_addresses), AGE),
    "Namespace": (Column("Status", _path("status", "phase")), AGE),
    "Node": (
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        Column("Version", _path("status", "nodeInfo", "kubeletVersion")),
        Column("Internal-IP", _address("InternalIP"), priority=1),
        Column("External-IP", _address("ExternalIP"), priority=1),
        Column("OS-Image", _path("status", "nodeInfo", "osImage"), priority=1),
        Column("Kernel-Version", _path("status", "nodeInfo", "kernelVersion"), priority=1),
        Column("Container-Runtime", _path("status", "nodeInfo", "containerRuntimeVersion"), priority=1),
    ),
    "Event": (
        Column("Last Seen", _event_seen),
        Column("Type", _path("type")),
        Column("Reason", _path("reason")),
        Column("Object", _event_object),
        Column("Message", _path("message")),
    ),
    "Secret": (
        Column("Type", _path("type")),
        Column("Data", lambda secret: len(secret.get("data") or {}), "integer"),
        AGE,
    ),
    "ConfigMap": (Column("Data", lambda one: len(one.get("data") or {}), "integer"), AGE),
    "ServiceAccount": (Column("Secrets", lambda one: len(one.get("secrets") or []), "integer"), AGE),
    "PersistentVolumeClaim": (
        Column(
            "Status",
            lambda one: (
                "Terminating" if "deletionTimestamp" in one["metadata"] else dig(one, "status", "phase")
            ),
        ),
        Column("Volume", lambda one: dig(one, "spec", "volumeName", default=" ")),
        Column("Capacity", lambda one: dig(one, "status", "capacity", "storage", default=" ")),
        Column("Access Modes", lambda one: _modes(one) if dig(one, "spec", "volumeName") else " "),
        Column("StorageClass", _path("spec", "storageClassName")),
        Column("VolumeAttributesClass", lambda one: "<unset>"),
        AGE,
        Column("VolumeMode", _path("spec", "volumeMode"), priority=1),
    ),
    "PersistentVolume": (
        Column("Capacity", _path("spec", "capacity", "storage")),
        Column("Access Modes", _modes),
        Column("Reclaim Policy", _path("spec", "persistentVolumeReclaimPolicy")),
        Column("Status", _path("status", "phase")),
        Column("Claim", _claim_place),
        Column("StorageClass", _path("spec", "storageClassName")),
        AGE,
    ),
    "StorageClass": (
        Column("Provisioner", _path("provisioner")),
        Column("ReclaimPolicy", _path("reclaimPolicy")),
        Column("VolumeBindingMode", _path("volumeBindingMode")),
        Column("AllowVolumeExpansion", lambda one: bool(one.get("allowVolumeExpansion")), "boolean"),
        AGE,
    ),
    "Ingress": (
        Column("Class", _path("spec", "ingressClassName")),
        Column("Hosts", _hosts),
        Column("Address", lambda one: _external(one) or " "),
        Column("Ports", lambda one: "80, 443" if dig(one, "spec", "tls") else "80"),
        AGE,
    ),
    "IngressClass": (
        Column("Controller", _path("spec", "controller")),
        Column("Parameters", lambda one: "<none>"),
        AGE,
    ),
    "NetworkPolicy": (
        Column(
            "Pod-Selector", lambda one: _selector({"spec": {"selector": dig(one, "spec", "podSelector")}})
        ),
        AGE,
    ),
    "ResourceQuota": (Column("Request", _quota("")), Column("Limit", _quota("limits.")), AGE),
    "LimitRange": (Column("Created At", _path("metadata", "creationTimestamp")),),
    "PodDisruptionBudget": (
        Column("Min Available", lambda one: str(dig(one, "spec", "minAvailable", default="N/A"))),
        Column("Max Unavailable", lambda one: str(dig(one, "spec", "maxUnavailable", default="N/A"))),
        Column("Allowed Disruptions", _path("status", "disruptionsAllowed", default=0), "integer"),
        AGE,
    ),
    "Lease": (Column("Holder", _path("spec", "holderIdentity")), AGE),
}
