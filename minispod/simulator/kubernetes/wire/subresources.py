"""Subresources with a form of their own: scale, eviction, binding, log, exec."""

from collections.abc import Callable

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, dig
from minispod.simulator.kubernetes.machinery.kinds import DISRUPTION_BUDGETS, PODS
from minispod.simulator.kubernetes.machinery.patches import json_patch, merge_patch
from minispod.simulator.kubernetes.machinery.refusals import (
    Refusal,
    bad_request,
    conflict,
    method_not_allowed,
)
from minispod.simulator.kubernetes.machinery.selectors import selector_text, selects
from minispod.simulator.kubernetes.pod_facts import is_ready
from minispod.simulator.kubernetes.removal import DeleteOptions
from minispod.simulator.kubernetes.wire.exchange import Request, Response, answer
from minispod.simulator.kubernetes.wire.exec import Exec
from minispod.simulator.kubernetes.wire.logs import Logs
from minispod.simulator.kubernetes.wire.options import writer_of
from minispod.simulator.kubernetes.wire.routes import Route


class Subresources:
    """Answers requests for parts of objects."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._logs = Logs(cluster)
        self._exec = Exec(cluster)

    def handle(self, request: Request, route: Route) -> Response:
        """Answer a request for one part of one object."""
        actions: dict[str | None, Callable[[Request, Route], Response]] = {
            "scale": self._scale,
            "eviction": self._evict,
            "log": self._logs.answer,
            "exec": self._exec.answer,
            "binding": self._bind,
        }
        return actions[route.subresource](request, route)

    def _scale(self, request: Request, route: Route) -> Response:
        place = (route.resource, route.namespace or "", route.name or "")
        if request.method == "GET":
            return answer(scale_of(self._store.get(*place)))
        if request.method not in ("PUT", "PATCH"):
            raise method_not_allowed()
        with self._store.lock:
            old = self._store.get(*place)
            wanted = self._wanted_scale(request, scale_of(old))
            replicas = dig(wanted, "spec", "replicas", default=0)
            if isinstance(replicas, bool) or not isinstance(replicas, int):
                raise bad_request(
                    "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32"
                )
            stated = dig(wanted, "metadata", "resourceVersion")
            if stated and stated != old["metadata"]["resourceVersion"]:
                raise conflict(route.resource, route.name or "")
            return answer(scale_of(self._rescale(request, route, replicas)))

    def _wanted_scale(self, request: Request, present: Json) -> Json:
        body = request.content()
        if request.method == "PUT":
            if not isinstance(body, dict):
                raise bad_request("the object provided is unrecognized (must be of type Scale)")
            return body
        if request.content_type == "application/json-patch+json":
            return json_patch(present, body)
        merged = merge_patch(present, body)
        return merged if isinstance(merged, dict) else present

    def _rescale(self, request: Request, route: Route, replicas: int) -> Json:
        def change(obj: Json) -> Json:
            changed = clone(obj)
            changed["spec"]["replicas"] = replicas
            changed["metadata"].pop("managedFields", None)
            return changed

        writer = writer_of(request)
        place = (route.resource, route.namespace or "", route.name or "")
        return self._cluster.registry.rescale(*place, change, writer)

    def _evict(self, request: Request, route: Route) -> Response:
        if request.method != "POST":
            raise method_not_allowed()
        body = request.content() if request.body else {}
        with self._store.lock:
            pod = self._store.get(PODS, route.namespace or "", route.name or "")
            self._refuse_disruption(pod)
            options = (body or {}).get("deleteOptions") or {}
            if not (options.get("dryRun") or request.query.get("dryRun")):
                grace = options.get("gracePeriodSeconds")
                place = (PODS, route.namespace or "", route.name or "")
                self._cluster.removal.delete(*place, DeleteOptions(grace_seconds=grace))
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return answer(status, 201)

    def _refuse_disruption(self, pod: Json) -> None:
        """A 429 if a disruption budget has nothing left for this pod."""
        labels = dig(pod, "metadata", "labels", default={})
        for budget in self._store.list(DISRUPTION_BUDGETS, pod["metadata"]["namespace"]):
            if not selects(dig(budget, "spec", "selector"), labels) or not is_ready(pod):
                continue
            status = budget.get("status", {})
            if status.get("disruptionsAllowed", 0) > 0:
                continue
            name = budget["metadata"]["name"]
            text = (
                f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
                f"{status.get('currentHealthy', 0)} currently"
            )
            causes = [{"reason": "DisruptionBudget", "message": text}]
            message = "Cannot evict pod as it would violate the pod's disruption budget."
            raise Refusal(429, "TooManyRequests", message, {"causes": causes}, retry_after=10)

    def _bind(self, request: Request, route: Route) -> Response:
        if request.method != "POST":
            raise method_not_allowed()
        node = dig(request.content(), "target", "name")
        if not node:
            raise bad_request("Binding.target.name: Required value")
        with self._store.lock:
            pod = clone(self._store.get(PODS, route.namespace or "", route.name or ""))
            if dig(pod, "spec", "nodeName"):
                why = f"pod {route.name} is already assigned to node {pod['spec']['nodeName']}"
                raise conflict(PODS, route.name or "", why)
            pod["spec"]["nodeName"] = node
            self._store.replace(PODS, pod)
        return answer(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201
        )


def scale_of(obj: Json) -> Json:
    """The Scale that shows the size of a workload."""
    metadata = obj["metadata"]
    kept = {
        key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
    replicas = dig(obj, "spec", "replicas", default=0)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": kept,
        "spec": {"replicas": replicas} if replicas else {},
        "status": {
            "replicas": dig(obj, "status", "replicas", default=0),
            "selector": selector_text(dig(obj, "spec", "selector")),
        },
    }
