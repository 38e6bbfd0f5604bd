"""metrics.k8s.io: what pods and nodes use, invented but plausible: steady per pod, moving with time, within limits."""

import math
import time
import zlib
from datetime import UTC, datetime

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig, now_text, read_time
from minispod.simulator.kubernetes.machinery.kinds import NODES, PODS, Resource
from minispod.simulator.kubernetes.machinery.quantities import amount
from minispod.simulator.kubernetes.machinery.refusals import Refusal, no_such_path, subject
from minispod.simulator.kubernetes.machinery.selectors import label_matcher

MIB = 1024 * 1024
WINDOW = "10.0s"
NODES_RESOURCE = Resource("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", False, "")
PODS_RESOURCE = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", True, "")


def answer_for(cluster: Cluster, path: str, query: dict[str, str]) -> Json:
    """The answer to a request under /apis/metrics.k8s.io."""
    parts = path.strip("/").split("/")[2:]
    if not parts or parts[0] != "v1beta1":
        raise no_such_path()
    rest = parts[1:]
    if rest[:1] == ["nodes"] and len(rest) <= 2:
        return _nodes(cluster, rest[1] if len(rest) == 2 else None, query)
    if rest == ["pods"]:
        return _pods(cluster, None, None, query)
    if len(rest) in (3, 4) and rest[0] == "namespaces" and rest[2] == "pods":
        return _pods(cluster, rest[1], rest[3] if len(rest) == 4 else None, query)
    raise no_such_path()


def _missing(resource: Resource, name: str) -> Refusal:
    return Refusal(404, "NotFound", f'{resource.qualified} "{name}" not found', subject(resource, name))


def _nodes(cluster: Cluster, name: str | None, query: dict[str, str]) -> Json:
    test = label_matcher(query.get("labelSelector"))
    found = []
    for node in cluster.store.list(NODES):
        known = node["metadata"]["name"]
        if name in (None, known) and test(node) and known not in cluster.controllers.kubelets.off:
            found.append(_node_metrics(cluster, node))
    if name is not None:
        if not found:
            raise _missing(NODES_RESOURCE, name)
        return found[0]
    return {"kind": "NodeMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": found}


def _node_metrics(cluster: Cluster, node: Json) -> Json:
    name = node["metadata"]["name"]
    cores, memory = 0.05 + 0.03 * _wave(name, 97), 700.0 * MIB
    for pod in cluster.store.list(PODS):
        if dig(pod, "spec", "nodeName") == name:
            for used in pod_usage(cluster, pod):
                cores += used[1]
                memory += used[2]
    capacity = dig(node, "status", "capacity", default={})
    cores = min(cores, float(amount(capacity.get("cpu", "64"))))
    usage = {"cpu": f"{int(cores * 1e9)}n", "memory": f"{int(memory / 1024)}Ki"}
    return {**_head("NodeMetrics", node), "usage": usage}


def _head(kind: str, obj: Json) -> Json:
    metadata = {
        key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]
    }
    metadata["creationTimestamp"] = now = now_text()
    head = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata}
    return {**head, "timestamp": now, "window": WINDOW}


def _pods(cluster: Cluster, namespace: str | None, name: str | None, query: dict[str, str]) -> Json:
    test = label_matcher(query.get("labelSelector"))
    found = []
    for pod in cluster.store.list(PODS, namespace):
        used = pod_usage(cluster, pod)
        if used and test(pod) and name in (None, pod["metadata"]["name"]):
            containers = [
                {"name": one, "usage": {"cpu": f"{int(cores * 1e9)}n", "memory": f"{int(memory / 1024)}Ki"}}
                for one, cores, memory in used
            ]
            found.append({**_head("PodMetrics", pod), "containers": containers})
    if name is not None:
        if not found:
            raise _missing(PODS_RESOURCE, f"{namespace}/{name}")
        return found[0]
    return {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": found}


def pod_usage(cluster: Cluster, pod: Json) -> list[tuple[str, float, float]]:
    """What each running container uses: its name, cores and bytes."""
    if dig(pod, "spec", "nodeName") in cluster.controllers.kubelets.off:
        return []
    specs = {one["name"]: one for one in pod["spec"]["containers"]}
    found = []
    for status in dig(pod, "status", "containerStatuses", default=[]):
        since = dig(status, "state", "running", "startedAt")
        if not since:
            continue
        age = (datetime.now(UTC) - read_time(since)).total_seconds() * cluster.reactor.speed
        if age >= cluster.dials.metrics_age_seconds:
            found.append((status["name"], *_usage(specs[status["name"]], pod["metadata"]["uid"], age)))
    return found


def _usage(container: Json, uid: str, age: float) -> tuple[float, float]:
    """Busy while it starts, then a slow wave around a level of its own, always below its limits."""
    resources = container.get("resources") or {}
    cores = float(
        amount(dig(resources, "limits", "cpu") or dig(resources, "requests", "cpu", default="500m"))
    )
    memory = float(
        amount(dig(resources, "limits", "memory") or dig(resources, "requests", "memory", default="256Mi"))
    )
    level = _share(uid)
    boot = 0.5 * math.exp(-age / 20)
    busy = min(0.95, 0.02 + 0.10 * level + 0.05 * _wave(uid, 61) + 0.03 * _wave(uid, 7) + boot)
    filled = min(0.9, (0.25 + 0.35 * level) * (1 - math.exp(-age / 30)) + 0.05 + 0.04 * _wave(uid, 173))
    return cores * busy, memory * filled


def _share(text: str) -> float:
    """A number between 0 and 1 that belongs to the text."""
    return zlib.crc32(text.encode()) % 1000 / 1000


def _wave(text: str, period: float) -> float:
    """A slow wave between 0 and 1, shifted by the text."""
    return 0.5 + 0.5 * math.sin(2 * math.pi * (time.time() / period + _share(text)))
