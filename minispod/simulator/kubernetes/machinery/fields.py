"""Sets of field paths: which leaves an object has, how two objects differ, and the FieldsV1 wire form.

A path is a tuple of elements as FieldsV1 writes them: "f:spec", 'k:{"name":"web"}', 'v:"x"'. Lists of type map and
set are addressed by key or value, atomic values are one leaf. Order never matters.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.schema import Node

Path: TypeAlias = tuple[str, ...]
Paths: TypeAlias = set[Path]

NEVER_OWNED: tuple[Path, ...] = (
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    ("f:metadata", "f:name"),
    ("f:metadata", "f:namespace"),
    ("f:metadata", "f:creationTimestamp"),
    ("f:metadata", "f:selfLink"),
    ("f:metadata", "f:uid"),
    ("f:metadata", "f:generation"),
    ("f:metadata", "f:managedFields"),
    ("f:metadata", "f:resourceVersion"),
    ("f:metadata", "f:deletionTimestamp"),
    ("f:metadata", "f:deletionGracePeriodSeconds"),
)
ANYTHING = Node("any")


class Difference(NamedTuple):
    """What a new object has other than the old one."""

    changed: Paths
    removed: Paths


def children(node: Node, value: Any) -> Iterator[tuple[str, Node, Any]] | None:
    """The addressable parts of a value, or None when it is a leaf."""
    if isinstance(value, dict) and node.form in ("struct", "map") and not node.atomic:
        return ((f"f:{key}", child_node(node, key), part) for key, part in value.items())
    if isinstance(value, list) and node.form == "list" and node.list_type in ("map", "set"):
        element = node.element or ANYTHING
        return ((item_key(node, item), element, item) for item in value)
    return None


def child_node(node: Node, key: str) -> Node:
    """The type of a member."""
    if node.form == "struct":
        return node.fields.get(key, ANYTHING)
    return node.element or ANYTHING


def item_key(node: Node, item: Any) -> str:
    """The path element of a member of a map-list or set-list."""
    if node.list_type == "set" or not isinstance(item, dict):
        return "v:" + json.dumps(item, separators=(",", ":"))
    element = node.element or ANYTHING
    keys = {key: item.get(key, child_node(element, key).default) for key in node.list_keys}
    told = {key: value for key, value in sorted(keys.items()) if value is not None}
    return "k:" + json.dumps(told, separators=(",", ":"))


def field_set(node: Node, value: Any) -> Paths:
    """All the paths an applied configuration states."""
    found: Paths = set()
    _collect(node, value, (), found)
    return found - set(NEVER_OWNED)


def _collect(node: Node, value: Any, path: Path, found: Paths) -> None:
    parts = children(node, value)
    if parts is None or not value:
        if path:
            found.add(path)
        return
    for element, part_node, part in parts:
        below = (*path, element)
        if node.form != "struct" and (node.form == "map" or isinstance(part, dict)):
            found.add(below)
        _collect(part_node, part, below, found)


def difference(node: Node, old: Any, new: Any) -> Difference:
    """The paths by which a new object differs from the old one."""
    found = Difference(set(), set())
    _compare(node, old, new, (), found)
    never = set(NEVER_OWNED)
    return Difference(found.changed - never, found.removed - never)


def _compare(node: Node, old: Any, new: Any, path: Path, found: Difference) -> None:
    if old == new:
        return
    old_parts, new_parts = children(node, old), children(node, new)
    if old_parts is None or new_parts is None:
        if path:
            found.changed.add(path)
        return
    before = {element: (part_node, part) for element, part_node, part in old_parts}
    for element, part_node, part in new_parts:
        below = (*path, element)
        if element in before:
            _compare(part_node, before.pop(element)[1], part, below, found)
        else:
            _added(part_node, part, below, found)
    for element, (part_node, part) in before.items():
        _gone(part_node, part, (*path, element), found)


def _added(node: Node, value: Any, path: Path, found: Difference) -> None:
    if node.form != "struct" or not value or path[-1].startswith("k:"):
        found.changed.add(path)
    _collect(node, value, path, found.changed)


def _gone(node: Node, value: Any, path: Path, found: Difference) -> None:
    found.removed.add(path)
    _collect(node, value, path, found.removed)


def to_wire(paths: Iterable[Path]) -> Json:
    """The paths as FieldsV1."""
    members = set(paths)
    root: Json = {}
    for path in sorted(members):
        here = root
        for element in path:
            here = here.setdefault(element, {})
    for path in members:
        here = root
        for element in path:
            here = here[element]
        if here and "." not in here:
            here["."] = {}
    return _ordered(root)


def _ordered(tree: Json) -> Json:
    return {key: _ordered(tree[key]) for key in sorted(tree)}


def from_wire(tree: Json) -> Paths:
    """The paths of a FieldsV1."""
    found: Paths = set()
    _read(tree, (), found)
    return found


def _read(tree: Json, path: Path, found: Paths) -> None:
    if path and (not tree or "." in tree):
        found.add(path)
    for element, below in tree.items():
        if element != "." and isinstance(below, dict):
            _read(below, (*path, element), found)


def told(path: Path) -> str:
    """A path as messages name it: .spec.template.spec.containers[name="web"].image."""
    text = ""
    for element in path:
        mark, _, rest = element.partition(":")
        if mark == "f":
            text += f".{rest}"
        elif mark == "k":
            inner = ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
            text += f"[{inner}]"
        else:
            text += f"[={rest}]"
    return text
