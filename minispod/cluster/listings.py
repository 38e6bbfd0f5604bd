"""The cluster's objects in the shape of the staff's lists: the keys are a promise to the front end.

Pure. Numbers are 0 where the API leaves them out, lists and labels are never null, memory capacity is
always in Ki, times have milliseconds and Z as everywhere on the wire, and a pod has one `containers`
list with image, readiness and usage together.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from minispod.cluster.quantities import MEBIBYTE, parse_quantity, whole_bytes

Raw = Mapping[str, Any]
Item = dict[str, Any]

_NOISE = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_GIBIBYTE = 2**30


def node_item(node: Raw, metrics: Raw | None) -> Item:
    """One node of the list."""
    status = _map(node, "status")
    info = _map(status, "nodeInfo")
    ready = next(
        (each.get("status") for each in _list(status, "conditions") if each.get("type") == "Ready"), None
    )
    return {
        **_identity(node),
        "status": "Ready" if ready == "True" else "NotReady",
        "schedulable": not _map(node, "spec").get("unschedulable", False),
        "capacity": _capacity(_map(status, "capacity")),
        "allocatable": _capacity(_map(status, "allocatable")),
        "addresses": [_pick(each, "type", "address") for each in _list(status, "addresses")],
        "conditions": [_condition(each) for each in _list(status, "conditions")],
        "version": info.get("kubeletVersion"),
        "os": info.get("osImage"),
        "kernel": info.get("kernelVersion"),
        "containerRuntime": info.get("containerRuntimeVersion"),
        "nodeInfo": dict(info),
        "metrics": _node_metrics(metrics),
    }


def node_detail(node: Raw, metrics: Raw | None) -> Item:
    """One node by name: the list's item and what is special about it."""
    spec = _map(node, "spec")
    return {
        **node_item(node, metrics),
        "uid": _map(node, "metadata").get("uid"),
        "architecture": _map(_map(node, "status"), "nodeInfo").get("architecture"),
        "taints": list(_list(spec, "taints")),
        "spec": dict(spec),
    }


def deployment_item(deployment: Raw) -> Item:
    """One deployment of the list."""
    spec, status = _map(deployment, "spec"), _map(deployment, "status")
    containers = _list(_map(_map(spec, "template"), "spec"), "containers")
    return {
        **_identity(deployment, namespaced=True),
        "replicas": _count(spec, "replicas"),
        "readyReplicas": _count(status, "readyReplicas"),
        "availableReplicas": _count(status, "availableReplicas"),
        "unavailableReplicas": _count(status, "unavailableReplicas"),
        "updatedReplicas": _count(status, "updatedReplicas"),
        "conditions": [_condition(each) for each in _list(status, "conditions")],
        "images": [str(each.get("image") or "") for each in containers],
        "containers": [_container(each) for each in containers],
    }


def pod_item(pod: Raw, metrics: Raw | None) -> Item:
    """One pod of the list, its containers joined with their status and usage."""
    spec, status = _map(pod, "spec"), _map(pod, "status")
    statuses = {each.get("name"): each for each in _list(status, "containerStatuses")}
    usages = {each.get("name"): _map(each, "usage") for each in _list(metrics or {}, "containers")}
    return {
        **_identity(pod, namespaced=True),
        "status": status.get("phase") or "Unknown",
        "reason": status.get("reason"),
        "restarts": sum(_count(each, "restartCount") for each in statuses.values()),
        "nodeName": spec.get("nodeName"),
        "podIP": status.get("podIP"),
        "hostIP": status.get("hostIP"),
        "metricsTimestamp": _time(metrics or {}, "timestamp"),
        "metricsWindow": (metrics or {}).get("window"),
        "containers": [
            _pod_container(each, statuses.get(each.get("name")), usages.get(each.get("name")))
            for each in _list(spec, "containers")
        ],
    }


def namespace_item(namespace: Raw) -> Item:
    """One namespace of the list."""
    return {**_identity(namespace), "status": _map(namespace, "status").get("phase") or "Active"}


def service_item(service: Raw, addresses: Iterable[str] = ()) -> Item:
    """One network service of the list; `addresses` are of the pods behind it."""
    spec, status = _map(service, "spec"), _map(service, "status")
    return {
        **_identity(service, namespaced=True),
        "type": spec.get("type") or "ClusterIP",
        "clusterIP": spec.get("clusterIP"),
        "externalIPs": list(_list(spec, "externalIPs")),
        "loadBalancerIPs": _balancer_addresses(status),
        "ports": [
            {
                "name": each.get("name"),
                "port": each.get("port"),
                "protocol": each.get("protocol") or "TCP",
                "targetPort": each.get("targetPort"),
                "nodePort": each.get("nodePort"),
            }
            for each in _list(spec, "ports")
        ],
        "selector": dict(_map(spec, "selector")),
        "sessionAffinity": spec.get("sessionAffinity") or "None",
        "endpoints": list(addresses),
        "conditions": [_condition(each) for each in _list(status, "conditions")],
    }


def ingress_item(ingress: Raw) -> Item:
    """One Ingress of the list."""
    spec, status = _map(ingress, "spec"), _map(ingress, "status")
    rules = _list(spec, "rules")
    return {
        **_identity(ingress, namespaced=True),
        "className": spec.get("ingressClassName"),
        "hosts": [str(rule["host"]) for rule in rules if rule.get("host")],
        "paths": [_path(rule, path) for rule in rules for path in _list(_map(rule, "http"), "paths")],
        "tls": [
            {"hosts": list(_list(each, "hosts")), "secretName": each.get("secretName")}
            for each in _list(spec, "tls")
        ],
        "externalIPs": _balancer_addresses(status),
        "conditions": [_condition(each) for each in _list(status, "conditions")],
    }


def cpu_usage(text: str | None) -> Item:
    """CPU in every unit that the pages show."""
    cores = parse_quantity(text)
    return {"raw": text or "0", "millicores": round(cores * 1000), "cores": round(float(cores), 3)}


def memory_usage(text: str | None) -> Item:
    """Memory in every unit that the pages show."""
    size = whole_bytes(text)
    return {
        "raw": text or "0",
        "bytes": size,
        "megabytes": round(size / MEBIBYTE, 2),
        "gigabytes": round(size / _GIBIBYTE, 3),
    }


def _identity(thing: Raw, *, namespaced: bool = False) -> Item:
    metadata = _map(thing, "metadata")
    annotations = {name: value for name, value in _map(metadata, "annotations").items() if name not in _NOISE}
    where = {"namespace": metadata.get("namespace") or ""} if namespaced else {}
    return {
        "name": metadata.get("name") or "",
        **where,
        "labels": dict(_map(metadata, "labels")),
        "annotations": annotations,
        "createdAt": _time(metadata, "creationTimestamp"),
    }


def _node_metrics(metrics: Raw | None) -> Item | None:
    if metrics is None:
        return None
    usage = _map(metrics, "usage")
    return {
        "timestamp": _time(metrics, "timestamp"),
        "window": metrics.get("window"),
        "usage": {"cpu": cpu_usage(usage.get("cpu")), "memory": memory_usage(usage.get("memory"))},
    }


def _capacity(resources: Raw) -> Item:
    return {
        "cpu": str(resources.get("cpu") or "0"),
        "memory": f"{whole_bytes(resources.get('memory')) // 1024}Ki",
        "pods": str(resources.get("pods") or "0"),
        "storage": resources.get("ephemeral-storage"),
    }


def _container(container: Raw) -> Item:
    resources = _map(container, "resources")
    return {
        "name": container.get("name") or "",
        "image": str(container.get("image") or ""),
        "resources": {
            kind: {name: _map(resources, kind).get(name) for name in ("cpu", "memory")}
            for kind in ("requests", "limits")
        },
        "ports": [_pick(each, "containerPort", "name", "protocol") for each in _list(container, "ports")],
        "volumeMounts": [
            {**_pick(each, "name", "mountPath"), "readOnly": bool(each.get("readOnly"))}
            for each in _list(container, "volumeMounts")
        ],
    }


def _pod_container(container: Raw, status: Raw | None, usage: Raw | None) -> Item:
    status = status or {}
    state = next(iter(_map(status, "state")), "waiting")
    measured = usage and {"cpu": cpu_usage(usage.get("cpu")), "memory": memory_usage(usage.get("memory"))}
    return {
        **_container(container),
        "ready": bool(status.get("ready")),
        "restartCount": _count(status, "restartCount"),
        "state": state,
        "stateReason": _map(_map(status, "state"), state).get("reason"),
        "usage": measured or None,
    }


def _path(rule: Raw, path: Raw) -> Item:
    service = _map(_map(path, "backend"), "service")
    port = _map(service, "port")
    return {
        "host": rule.get("host"),
        "path": path.get("path") or "/",
        "pathType": path.get("pathType"),
        "serviceName": service.get("name"),
        "servicePort": port.get("number") or port.get("name"),
    }


def _condition(condition: Raw) -> Item:
    told = _pick(condition, "type", "status", "reason", "message")
    return {**told, "lastTransitionTime": _time(condition, "lastTransitionTime")}


def _balancer_addresses(status: Raw) -> list[str]:
    entries = _list(_map(status, "loadBalancer"), "ingress")
    return [str(each.get("ip") or each.get("hostname")) for each in entries]


def _pick(source: Raw, *names: str) -> Item:
    return {name: source.get(name) for name in names}


def _time(source: Raw, name: str) -> str | None:
    """The API's time as the wire has times; None when there is none that can be read."""
    try:
        at = datetime.fromisoformat(source.get(name) or "").astimezone(UTC)
    except (TypeError, ValueError):
        return None
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count(source: Raw, name: str) -> int:
    return int(source.get(name) or 0)


def _map(source: Raw, name: str) -> Raw:
    found = source.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(source: Raw, name: str) -> list[Any]:
    found = source.get(name)
    return found if isinstance(found, list) else []
