"""From a request body to an object: types are checked, quantities made canonical, unknown fields found and dropped.

What a Go server forgets when it reads and writes an object (nulls, empty lists and maps) is forgotten here too.
"""

from dataclasses import dataclass, field
from typing import Any

from minispod.simulator.kubernetes.machinery.fields import ANYTHING
from minispod.simulator.kubernetes.machinery.jsonish import Json, read_time
from minispod.simulator.kubernetes.machinery.kinds import Resource
from minispod.simulator.kubernetes.machinery.quantities import FAULT, NotAQuantity, canonical
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request
from minispod.simulator.kubernetes.machinery.schema import Node, schema

SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "int-or-string": (int, str),
}
GO_TYPES = {
    "string": "string",
    "boolean": "bool",
    "number": "float64",
    "list": "slice",
    "map": "map",
    "any": "any",
}


@dataclass(slots=True)
class Decoded:
    """What came out of a body."""

    obj: Json
    unknown: list[str] = field(default_factory=list)


class _WrongType(Exception):
    def __init__(self, value: Any, node: Node, path: str) -> None:
        super().__init__(path)
        self.value, self.node, self.path = value, node, path

    def text(self, kind: str) -> str:
        shown = {bool: "bool", str: "string", int: "number", float: "number", list: "array", dict: "object"}
        wanted = self.node.format or GO_TYPES.get(self.node.form, self.node.name or self.node.form)
        seen = shown.get(type(self.value), "null")
        return f"json: cannot unmarshal {seen} into Go struct field {kind}.{self.path} of type {wanted}"


def decode(resource: Resource, body: Any) -> Decoded:
    """The object of that resource; wrong types are refused with 400, unknown fields listed."""
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    _check_kind(resource, body)
    unknown: list[str] = []
    try:
        obj = _struct(schema(resource.schema), body, "", unknown)
    except _WrongType as fault:
        raise cannot_handle(resource, fault.text(resource.kind)) from fault
    except NotAQuantity as fault:
        raise cannot_handle(resource, FAULT) from fault
    obj = {"kind": resource.kind, "apiVersion": resource.group_version, **obj}
    obj["kind"], obj["apiVersion"] = resource.kind, resource.group_version
    obj.setdefault("metadata", {})
    return Decoded(obj, unknown)


def cannot_handle(resource: Resource, why: str) -> Refusal:
    """The 400 for a body that is no such object."""
    kind, version = resource.kind, resource.version
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def strict_text(unknown: list[str]) -> str:
    """How the server names unknown fields."""
    return ", ".join(f'unknown field "{name}"' for name in unknown)


def _check_kind(resource: Resource, body: Json) -> None:
    kind, version = body.get("kind"), body.get("apiVersion")
    if kind and kind != resource.kind:
        shown = (version or resource.group_version).split("/")[-1]
        raise bad_request(
            f'{kind} in version "{shown}" cannot be handled as a {resource.kind}: unknown conversion'
        )
    if version and version != resource.group_version:
        raise bad_request(
            "the API version in the data "
            f"({version}) does not match the expected API version ({resource.group_version})"
        )


def _value(node: Node, value: Any, path: str, unknown: list[str]) -> Any:
    match node.form:
        case "any":
            return value
        case "struct":
            return _struct(node, value, path, unknown)
        case "map":
            return _map(node, value, path, unknown)
        case "list":
            if not isinstance(value, list):
                raise _WrongType(value, node, path)
            element = node.element or ANYTHING
            return [_value(element, item, f"{path}[{at}]", unknown) for at, item in enumerate(value)]
        case "quantity":
            return canonical(value)
        case "time":
            return _time(node, value, path)
    wanted = SCALARS[node.form]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise _WrongType(value, node, path)
    return value


def _time(node: Node, value: Any, path: str) -> str:
    try:
        read_time(value)
    except (ValueError, AttributeError) as fault:
        raise _WrongType(value, node, path) from fault
    return str(value)


def _struct(node: Node, value: Any, path: str, unknown: list[str]) -> Json:
    if not isinstance(value, dict):
        raise _WrongType(value, node, path)
    result: Json = {}
    for key, part in value.items():
        below = f"{path}.{key}" if path else key
        if key not in node.fields:
            unknown.append(below)
        elif part is not None:
            read = _value(node.fields[key], part, below, unknown)
            if read not in ([], {}) or node.fields[key].form in ("struct", "any") or key in node.required:
                result[key] = read
    return result


def _map(node: Node, value: Any, path: str, unknown: list[str]) -> Json:
    if not isinstance(value, dict):
        raise _WrongType(value, node, path)
    element = node.element or ANYTHING
    given = {key: part for key, part in value.items() if part is not None}
    return {key: _value(element, part, f"{path}.{key}", unknown) for key, part in given.items()}


def undeclared(resource: Resource, config: Json) -> str | None:
    """The first field of an applied configuration that the schema does not know, as apply names it."""
    unknown: list[str] = []
    try:
        _struct(schema(resource.schema), config, "", unknown)
    except (_WrongType, NotAQuantity):
        return None
    return f".{unknown[0]}" if unknown else None
