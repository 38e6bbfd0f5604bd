"""Typed view of the OpenAPI schemas of the kinds we offer, in the form that walks over objects need.

The data in `schemas.json` are the schemas of a current Kubernetes release without descriptions, reduced to what
our kinds reach. Nodes are resolved on first use and shared; they are never changed afterwards.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

PREFIX = "#/components/schemas/"
FORMS = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "time",
}


@dataclass(slots=True)
class Node:
    """The type of one value: a struct, a map, a list or a scalar, with what merging needs to know."""

    form: str
    name: str = ""
    format: str = ""
    fields: dict[str, "Node"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    element: "Node | None" = None
    list_type: str = "atomic"
    list_keys: tuple[str, ...] = ()
    patch_key: str = ""
    patch_strategies: frozenset[str] = frozenset()
    atomic: bool = False
    enum: tuple[str, ...] = ()
    default: Any = None


@cache
def documents() -> dict[str, dict[str, Any]]:
    """The raw schemas by their full names."""
    text = resources.files(__package__).joinpath("schemas.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, Any]] = json.loads(text)
    return loaded


_known: dict[str, Node] = {}


def schema(name: str) -> Node:
    """The resolved type of that full name."""
    if name in _known:
        return _known[name]
    node = Node(FORMS.get(name, "struct"), name=name.rsplit(".", 1)[-1])
    _known[name] = node
    if node.form == "struct":
        _fill_struct(node, documents()[name])
    return node


def _fill_struct(node: Node, raw: dict[str, Any]) -> None:
    node.fields = {key: _resolve(value) for key, value in raw.get("properties", {}).items()}
    node.required = frozenset(raw.get("required", ()))
    node.atomic = raw.get("x-kubernetes-map-type") == "atomic"


def _resolve(raw: dict[str, Any]) -> Node:
    """A node for one property; references keep their target's shape but their own merge marks."""
    reference = raw.get("$ref") or next(
        (part["$ref"] for part in raw.get("allOf", ()) if "$ref" in part), None
    )
    if reference:
        return _referring(schema(reference.removeprefix(PREFIX)), raw)
    form = raw.get("type", "any")
    if form == "array":
        return Node(
            "list",
            element=_resolve(raw["items"]),
            list_type=raw.get("x-kubernetes-list-type", "atomic"),
            list_keys=tuple(raw.get("x-kubernetes-list-map-keys", ())),
            patch_key=raw.get("x-kubernetes-patch-merge-key", ""),
            patch_strategies=_strategies(raw),
        )
    if form == "object":
        element = raw.get("additionalProperties")
        atomic = raw.get("x-kubernetes-map-type") == "atomic"
        return Node(
            "map" if element else "any", element=_resolve(element) if element else None, atomic=atomic
        )
    return Node(
        form, format=raw.get("format", ""), enum=tuple(raw.get("enum", ())), default=raw.get("default")
    )


def _referring(target: Node, raw: dict[str, Any]) -> Node:
    strategies = _strategies(raw)
    atomic = raw.get("x-kubernetes-map-type") == "atomic"
    if not strategies and not atomic:
        return target
    marked = Node(target.form, name=target.name, format=target.format, atomic=target.atomic or atomic)
    marked.fields, marked.required, marked.element = target.fields, target.required, target.element
    marked.patch_strategies = strategies
    return marked


def _strategies(raw: dict[str, Any]) -> frozenset[str]:
    text = raw.get("x-kubernetes-patch-strategy", "")
    return frozenset(part for part in text.split(",") if part)
