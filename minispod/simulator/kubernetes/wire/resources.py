"""The verbs of the resource API: get, list, watch, create, replace, patch, apply, delete, delete a collection."""

from collections.abc import Callable, Iterator
from typing import Any

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import EVENTS
from minispod.simulator.kubernetes.machinery.patches import json_patch, merge_patch, strategic_merge
from minispod.simulator.kubernetes.machinery.refusals import (
    Refusal,
    bad_request,
    invalid,
    method_not_allowed,
    required,
    unsupported_media_type,
)
from minispod.simulator.kubernetes.machinery.schema import schema
from minispod.simulator.kubernetes.registry import Writer
from minispod.simulator.kubernetes.wire.exchange import Request, Response, answer
from minispod.simulator.kubernetes.wire.listing import list_objects, matcher
from minispod.simulator.kubernetes.wire.openapi import PATCH_TYPES
from minispod.simulator.kubernetes.wire.options import delete_options, writer_of
from minispod.simulator.kubernetes.wire.routes import Route
from minispod.simulator.kubernetes.wire.subresources import Subresources
from minispod.simulator.kubernetes.wire.tables import table_for, wants_table
from minispod.simulator.kubernetes.wire.watching import Watch

APPLY = "application/apply-patch+yaml"


class Resources:
    """Answers requests for objects."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._registry = cluster.registry
        self._subresources = Subresources(cluster)

    def handle(self, request: Request, route: Route) -> Response:
        """Answer a request for objects of one resource."""
        if route.subresource not in (None, "status", "finalize"):
            return self._subresources.handle(request, route)
        method = request.method
        if route.name is None:
            actions: dict[str, Callable[[Request, Route], Response]] = {
                "GET": self._list_or_watch,
                "HEAD": self._list_or_watch,
                "POST": self._create,
                "DELETE": self._delete_collection,
            }
        else:
            actions = {"GET": self._get, "HEAD": self._get, "PUT": self._replace, "PATCH": self._patch}
            if route.subresource is None:
                actions["DELETE"] = self._delete
        if method not in actions:
            raise method_not_allowed()
        return actions[method](request, route)

    def _get(self, request: Request, route: Route) -> Response:
        obj = self._store.get(route.resource, route.namespace or "", route.name or "")
        return self._shown(request, route, obj)

    def _shown(self, request: Request, route: Route, obj: Json) -> Response:
        if wants_table(request):
            return answer(
                table_for(route.resource, [obj], {"resourceVersion": obj["metadata"]["resourceVersion"]})
            )
        return answer(obj)

    def _list_or_watch(self, request: Request, route: Route) -> Response:
        if route.watch or request.query.get("watch") in ("true", "1"):
            return self._watch(request, route)
        found = list_objects(self._store, route.resource, route.namespace, request.query)
        if wants_table(request):
            return answer(table_for(route.resource, found["items"], found["metadata"]))
        return answer(found)

    def _watch(self, request: Request, route: Route) -> Response:
        test = matcher(route.resource, request.query)
        watch = Watch(self._store, route.resource, route.namespace, request.query, test)
        first = True

        def as_table(obj: Json) -> Json:
            nonlocal first
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            table = table_for(route.resource, [obj], metadata, columns=first)
            first = False
            return table

        render = as_table if wants_table(request) else _whole
        lines: Iterator[bytes] = watch.lines(render)
        return Response(stream=self._cluster.weather.accompany(lines))

    def _create(self, request: Request, route: Route) -> Response:
        namespace = self._namespace(route)
        writer = self._writer(request, route)
        body = request.content()
        if isinstance(body, dict) and isinstance(body.get("metadata"), dict):
            body["metadata"].pop("managedFields", None)
        return answer(self._registry.create(route.resource, namespace, body, writer), 201, writer.warnings)

    def _namespace(self, route: Route) -> str:
        if route.resource.namespaced and route.namespace is None:
            raise method_not_allowed()
        return route.namespace or ""

    def _replace(self, request: Request, route: Route) -> Response:
        writer = self._writer(request, route)
        place = (route.resource, route.namespace or "", route.name or "")
        return answer(self._registry.replace(*place, request.content(), writer), 200, writer.warnings)

    def _patch(self, request: Request, route: Route) -> Response:
        type_ = request.content_type
        if type_ not in PATCH_TYPES:
            raise unsupported_media_type(type_, PATCH_TYPES)
        writer = self._writer(request, route)
        place = (route.resource, route.namespace or "", route.name or "")
        if type_ == APPLY:
            if not request.query.get("fieldManager"):
                cause = required("fieldManager", "is required for apply patch")
                raise invalid("meta.k8s.io", "PatchOptions", "", [cause])
            force = request.query.get("force") in ("true", "1")
            obj, new = self._registry.apply(*place, request.content(), writer, force=force)
            return answer(obj, 201 if new else 200, writer.warnings)
        if request.query.get("force"):
            raise bad_request("PatchOptions.force may only be set for apply patches")
        change = patch_function(type_, request.content(), route)
        return answer(self._registry.patch(*place, change, writer), 200, writer.warnings)

    def _delete(self, request: Request, route: Route) -> Response:
        options = delete_options(request)
        place = (route.resource, route.namespace or "", route.name or "")
        return answer(self._cluster.removal.delete(*place, options))

    def _delete_collection(self, request: Request, route: Route) -> Response:
        namespace = self._namespace(route) if route.resource.namespaced else None
        options = delete_options(request)
        found = list_objects(self._store, route.resource, namespace, request.query)
        for obj in found["items"]:
            metadata = obj["metadata"]
            try:
                self._cluster.removal.delete(
                    route.resource, metadata.get("namespace", ""), metadata["name"], options
                )
            except Refusal as refusal:
                if refusal.code != 404:
                    raise
        return answer(found)

    def _writer(self, request: Request, route: Route) -> Writer:
        return writer_of(request, route.subresource or "", quiet=route.resource == EVENTS)


def _whole(obj: Json) -> Json:
    return obj


def patch_function(type_: str, patch: Any, route: Route) -> Callable[[Json], Json]:
    """What a patch of that media type does to an object."""
    if type_ == "application/json-patch+json":
        return lambda obj: json_patch(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal array into Go value of type map")
    if type_ == "application/merge-patch+json":
        return lambda obj: merge_patch(obj, patch)
    node = schema(route.resource.schema)
    return lambda obj: strategic_merge(node, obj, patch)
