"""From the API's objects to our values. Pure; readiness is judged here and nowhere else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from minispod.cluster.joining.script import JOIN_LABEL
from minispod.cluster.port import NodeSighting, PodSighting, PodUsage, VolumeSighting, WorkloadSighting
from minispod.cluster.quantities import MEBIBYTE, mebibytes, milli, parse_quantity
from minispod.integrations.kubernetes.troubles import trouble_of

Raw = Mapping[str, Any]

MANAGED_LABEL = "minispod.com/managed"
INSTANCE_LABEL = "minispod.com/instance"
WORKBENCH_LABEL = "minispod.com/workbench"
SPEC_HASH = "minispod.com/spec-hash"
_CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# How drivers of local volumes name the node; zones and regions are no single node.
_NODE_NAME_LABELS = frozenset({"kubernetes.io/hostname", "topology.kubernetes.io/hostname"})
_OVER = frozenset({"Succeeded", "Failed"})
_UNSCHEDULABLE_EFFECTS = frozenset({"NoSchedule", "NoExecute"})


def label_of(thing: Raw, label: str) -> str:
    """Read a label; empty when it is not there."""
    return str(((thing.get("metadata") or {}).get("labels") or {}).get(label) or "")


def parse_time(text: str | None) -> datetime | None:
    """Read an instant as the API writes it."""
    return datetime.fromisoformat(text) if text else None


def newest(pods: Iterable[Raw]) -> Raw | None:
    """Pick the pod that stands for the workload: the newest that is not on its way out, else the newest."""
    ordered = sorted(
        pods, key=lambda pod: (not _is_leaving(pod), pod["metadata"].get("creationTimestamp") or "")
    )
    return ordered[-1] if ordered else None


def sight_workload(deployment: Raw, pods: Sequence[Raw]) -> WorkloadSighting:
    """Judge one workload by its status and those of the pods that are its own."""
    pods = own_pods(deployment, pods)
    metadata, status = deployment["metadata"], deployment.get("status") or {}
    wanted = int((deployment.get("spec") or {}).get("replicas", 1))
    observed = int(status.get("observedGeneration") or 0) >= int(metadata.get("generation") or 0)
    present = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in _OVER]
    counts = [int(status.get(key) or 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas")]
    settled = observed and int(status.get("replicas") or 0) == wanted
    pod = newest(present) or newest(pods)
    # A pod that was replaced on another node hinders nobody: its own node may be dead, and then it never ends.
    counted = [each for each in present if not (_is_leaving(each) and _node_of(each) != _node_of(pod))]
    # The controller may still count a pod that has just gone, while the one that took its place starts.
    running = [each for each in counted if _says_ready(each)]
    is_ready = wanted > 0 and settled and len(running) == len(counted) == wanted and counts == [wanted] * 3
    return WorkloadSighting(
        namespace=metadata["namespace"],
        name=metadata["name"],
        instance_id=label_of(deployment, INSTANCE_LABEL),
        wanted_replicas=wanted,
        ready_replicas=counts[1],
        is_ready=is_ready,
        is_stopped=wanted == 0 and settled and not present,
        spec_hash=(metadata.get("annotations") or {}).get(SPEC_HASH),
        pod_name=pod["metadata"]["name"] if pod else None,
        node_name=_node_of(pod),
        restarts=_restarts(pod),
        trouble=None if is_ready or wanted == 0 else trouble_of(deployment, _not_leaving(pod)),
    )


def own_pods(deployment: Raw, pods: Iterable[Raw]) -> list[Raw]:
    """Those of the pods that this Deployment made: another one may carry the same labels."""
    return [pod for pod in pods if _is_made_by(deployment, pod)]


def _is_made_by(deployment: Raw, pod: Raw) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    made_by = [str(each.get("name")) for each in owners if each.get("kind") == "ReplicaSet"]
    # Its replica sets are called after it and the hash of their template.
    own = f"{deployment['metadata']['name']}-{label_of(pod, 'pod-template-hash')}"
    return not made_by or own in made_by


def sight_workloads(deployments: Iterable[Raw], pods: Iterable[Raw]) -> list[WorkloadSighting]:
    """Judge many workloads; pods are matched by namespace and instance."""
    by_instance: dict[tuple[str, str], list[Raw]] = defaultdict(list)
    for pod in pods:
        by_instance[pod["metadata"]["namespace"], label_of(pod, INSTANCE_LABEL)].append(pod)
    return [
        sight_workload(each, by_instance[each["metadata"]["namespace"], label_of(each, INSTANCE_LABEL)])
        for each in deployments
    ]


def _says_ready(pod: Raw) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def sight_pod(pod: Raw) -> PodSighting:
    """Judge a pod outside any workload."""
    status = pod.get("status") or {}
    is_ready = _says_ready(pod) and not _is_leaving(pod)
    return PodSighting(
        name=pod["metadata"]["name"],
        phase=str(status.get("phase") or "Pending"),
        is_ready=is_ready,
        node_name=(pod.get("spec") or {}).get("nodeName"),
        trouble=None if is_ready else trouble_of({}, _not_leaving(pod)),
    )


def usage_of(metrics: Raw) -> PodUsage:
    """Add up what the containers of a pod use."""
    usages = [container.get("usage") or {} for container in metrics.get("containers") or []]
    return PodUsage(
        namespace=metrics["metadata"]["namespace"],
        pod_name=metrics["metadata"]["name"],
        cpu_milli=sum(milli(usage.get("cpu")) for usage in usages),
        memory_mb=round(float(sum(parse_quantity(usage.get("memory")) for usage in usages) / MEBIBYTE), 1),
    )


def sight_volume(volume: Raw) -> VolumeSighting | None:
    """Tell whose volume it is and which nodes reach it; None for one that serves no claim."""
    spec, phase = volume.get("spec") or {}, (volume.get("status") or {}).get("phase")
    claim = spec.get("claimRef")
    if not claim or phase != "Bound":
        return None
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    names = {
        str(value)
        for term in required.get("nodeSelectorTerms") or []
        for rule in term.get("matchExpressions") or []
        if rule.get("key") in _NODE_NAME_LABELS and rule.get("operator") == "In"
        for value in rule.get("values") or []
    }
    return VolumeSighting(claim["namespace"], claim["name"], tuple(sorted(names)))


def sight_nodes(nodes: Iterable[Raw], pods: Iterable[Raw], metrics: Iterable[Raw]) -> list[NodeSighting]:
    """Join nodes with what runs on them and what they use."""
    placed: dict[str, list[Raw]] = defaultdict(list)
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _OVER:
            placed[(pod.get("spec") or {}).get("nodeName") or ""].append(pod)
    used = {each["metadata"]["name"]: each.get("usage") or {} for each in metrics}
    return [
        _sight_node(node, placed[node["metadata"]["name"]], used.get(node["metadata"]["name"]))
        for node in nodes
    ]


def _sight_node(node: Raw, pods: Sequence[Raw], usage: Raw | None) -> NodeSighting:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    conditions = {each["type"]: str(each.get("status")) for each in status.get("conditions") or []}
    allocatable, capacity = status.get("allocatable") or {}, status.get("capacity") or {}
    tainted = any(taint.get("effect") in _UNSCHEDULABLE_EFFECTS for taint in spec.get("taints") or [])
    requests = [requests_of(pod) for pod in pods]
    return NodeSighting(
        name=metadata["name"],
        is_ready=conditions.get("Ready") == "True",
        is_schedulable=not spec.get("unschedulable") and not tainted,
        is_control_plane=any(label in (metadata.get("labels") or {}) for label in _CONTROL_PLANE_LABELS),
        cpu_allocatable=milli(allocatable.get("cpu")),
        memory_allocatable=mebibytes(allocatable.get("memory")),
        cpu_capacity=milli(capacity.get("cpu")),
        memory_capacity=mebibytes(capacity.get("memory")),
        pods_allocatable=int(parse_quantity(allocatable.get("pods"))),
        cpu_requested=sum(cpu for cpu, _ in requests),
        memory_requested=sum(memory for _, memory in requests),
        pods_running=len(pods),
        cpu_used=milli(usage.get("cpu")) if usage else None,
        memory_used=mebibytes(usage.get("memory")) if usage else None,
        version=str((status.get("nodeInfo") or {}).get("kubeletVersion") or ""),
        addresses=tuple(str(each.get("address")) for each in status.get("addresses") or []),
        conditions=conditions,
        created_at=parse_time(metadata.get("creationTimestamp")),
        join=label_of(node, JOIN_LABEL),
    )


def requests_of(pod: Raw) -> tuple[int, int]:
    """Tell what the scheduler reserves for a pod: millicores and megabytes."""
    spec = pod.get("spec") or {}

    def of(container: Raw) -> tuple[int, int]:
        requests = (container.get("resources") or {}).get("requests") or {}
        return milli(requests.get("cpu")), mebibytes(requests.get("memory"))

    main = [of(container) for container in spec.get("containers") or []]
    first = [of(container) for container in spec.get("initContainers") or []]
    cpu = max([sum(cpu for cpu, _ in main), *(cpu for cpu, _ in first)])
    memory = max([sum(memory for _, memory in main), *(memory for _, memory in first)])
    return cpu, memory


def _node_of(pod: Raw | None) -> str | None:
    return ((pod.get("spec") or {}).get("nodeName") if pod else None) or None


def _is_leaving(pod: Raw) -> bool:
    return bool((pod.get("metadata") or {}).get("deletionTimestamp"))


def _not_leaving(pod: Raw | None) -> Raw | None:
    return None if pod is None or _is_leaving(pod) else pod


def _restarts(pod: Raw | None) -> int:
    statuses = ((pod.get("status") or {}).get("containerStatuses") or []) if pod else []
    return sum(int(status.get("restartCount") or 0) for status in statuses)
