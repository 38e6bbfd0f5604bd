"""Endpoints and endpoint slices: which ready pods stand behind a service."""

from minispod.simulator.kubernetes.controllers.context import Context
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig
from minispod.simulator.kubernetes.machinery.kinds import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.pod_facts import is_active, is_ready, owner_reference
from minispod.simulator.kubernetes.registry import Writer

SERVICE_NAME = "kubernetes.io/service-name"


def pods_behind(pods: list[Json], service: Json) -> list[Json]:
    """The running pods a service selects, ready or not."""
    selector = dig(service, "spec", "selector")
    if not selector:
        return []
    return [
        pod
        for pod in pods
        if is_active(pod)
        and dig(pod, "status", "podIP")
        and selector.items() <= dig(pod, "metadata", "labels", default={}).items()
    ]


def target_port(port: Json, pod: Json) -> int | None:
    """The number of the container port a service port leads to; None if the pod has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers") or ():
        for one in container.get("ports") or ():
            if one.get("name") == target:
                return int(one["containerPort"])
    return None


class EndpointsController:
    """Keeps an Endpoints and an EndpointSlice for every service with a selector."""

    def __init__(self, context: Context) -> None:
        self._c = context

    def reconcile(self, namespace: str, name: str) -> None:
        """Write down who answers for the service now."""
        service = self._c.store.find(SERVICES, namespace, name)
        if service is None:
            if self._c.store.find(ENDPOINTS, namespace, name) is not None:
                self._c.store.remove(ENDPOINTS, namespace, name)
            return
        if not dig(service, "spec", "selector"):
            return
        pods = pods_behind(self._c.store.list(PODS, namespace), service)
        try:
            self._write(service, namespace, name, pods)
        except Refusal:
            return  # the namespace is going: nothing may be made in it any more

    def _write(self, service: Json, namespace: str, name: str, pods: list[Json]) -> None:
        labels = dict(dig(service, "metadata", "labels", default={}))
        subsets = _subsets(service, pods)
        metadata = {
            "name": name,
            "labels": {**labels, "endpoints.kubernetes.io/managed-by": "endpoint-controller"},
        }
        body: Json = {"metadata": metadata}
        if subsets:
            body["subsets"] = subsets
        present = self._c.store.find(ENDPOINTS, namespace, name)
        if present is None:
            self._c.registry.create(ENDPOINTS, namespace, body, Writer())
        elif present.get("subsets", []) != subsets:
            changed = clone(present)
            changed.pop("subsets", None)
            self._c.registry.rewrite(
                ENDPOINTS, present, {**changed, **({"subsets": subsets} if subsets else {})}
            )
        self._write_slice(service, namespace, name, pods)

    def _write_slice(self, service: Json, namespace: str, name: str, pods: list[Json]) -> None:
        endpoints = [_endpoint(pod) for pod in pods]
        ports = _slice_ports(service, pods)
        slices = [
            one
            for one in self._c.store.owned_by(service["metadata"]["uid"])
            if one.resource == ENDPOINT_SLICES
        ]
        if not slices:
            metadata = {
                "generateName": f"{name}-",
                "labels": {
                    SERVICE_NAME: name,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [owner_reference(service)],
            }
            body = {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}
            self._c.registry.create(ENDPOINT_SLICES, namespace, body, Writer())
            return
        present = self._c.store.get(*slices[0])
        changed = {**clone(present), "endpoints": endpoints, "ports": ports}
        if changed != present:
            self._c.registry.rewrite(ENDPOINT_SLICES, present, changed)


def _slice_ports(service: Json, pods: list[Json]) -> list[Json]:
    ports = []
    for port in dig(service, "spec", "ports", default=[]):
        number = target_port(port, pods[0]) if pods else None
        if number is not None:
            ports.append({"name": port.get("name", ""), "port": number, "protocol": port["protocol"]})
    return ports


def _endpoint(pod: Json) -> Json:
    ready = is_ready(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
    }


def _reference(pod: Json) -> Json:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }


def _subsets(service: Json, pods: list[Json]) -> list[Json]:
    """Addresses grouped by readiness; one subset serves services whose pods agree on port numbers."""
    ports = []
    for port in dig(service, "spec", "ports", default=[]):
        number = target_port(port, pods[0]) if pods else None
        if number is not None:
            named = {"name": port["name"]} if port.get("name") else {}
            ports.append({**named, "port": number, "protocol": port["protocol"]})
    if not pods:
        return []
    subset: Json = {}
    for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
        addresses = [
            {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": _reference(pod)}
            for pod in pods
            if is_ready(pod) is wanted
        ]
        if addresses:
            subset[field] = sorted(addresses, key=lambda address: str(address["ip"]))
    if ports:
        subset["ports"] = ports
    return [subset]
