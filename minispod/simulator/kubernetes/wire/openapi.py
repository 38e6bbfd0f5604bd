"""OpenAPI v3, as far as kubectl reads it: schemas for explain and merging, and which operations take which options."""

from functools import cache

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.kinds import RESOURCES, Resource
from minispod.simulator.kubernetes.machinery.refusals import no_such_path
from minispod.simulator.kubernetes.machinery.schema import documents
from minispod.simulator.kubernetes.wire.discovery import GIT_VERSION

PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
OPTIONS = ("dryRun", "fieldManager", "fieldValidation", "force")


def index() -> Json:
    """The answer of /openapi/v3."""
    found = sorted({_place(resource) for resource in RESOURCES})
    return {
        "paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={GIT_VERSION}"} for place in found}
    }


def _place(resource: Resource) -> str:
    return f"apis/{resource.group_version}" if resource.group else f"api/{resource.version}"


@cache
def document(place: str) -> Json:
    """The OpenAPI document of one group and version."""
    found = [resource for resource in RESOURCES if _place(resource) == place]
    if not found:
        raise no_such_path()
    schemas: Json = {}
    for resource in found:
        _reach(resource.schema, schemas)
    paths: Json = {}
    for resource in found:
        paths |= _paths(resource, place)
    info = {"title": "Kubernetes", "version": GIT_VERSION}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _reach(name: str, schemas: Json) -> None:
    if name in schemas:
        return
    schemas[name] = documents()[name]
    _follow(schemas[name], schemas)


def _follow(value: object, schemas: Json) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "$ref":
                _reach(part.rsplit("/", 1)[-1], schemas)
            else:
                _follow(part, schemas)
    elif isinstance(value, list):
        for part in value:
            _follow(part, schemas)


def _paths(resource: Resource, place: str) -> Json:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    reference = {"$ref": f"#/components/schemas/{resource.schema}"}
    content = {"application/json": {"schema": reference}}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in OPTIONS]
    base = (
        f"/{place}/namespaces/{{namespace}}/{resource.plural}"
        if resource.namespaced
        else f"/{place}/{resource.plural}"
    )

    def operation(action: str, body: Json) -> Json:
        return {
            "parameters": parameters,
            "requestBody": {"content": body},
            "responses": {"200": {"description": "OK", "content": content}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind,
        }

    patch_body = {type_: {"schema": {"type": "object"}} for type_ in PATCH_TYPES}
    return {
        base: {"post": operation("post", content)},
        f"{base}/{{name}}": {"put": operation("put", content), "patch": operation("patch", patch_body)},
    }
