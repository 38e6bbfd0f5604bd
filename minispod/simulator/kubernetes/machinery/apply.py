"""Server-side apply: merge a stated configuration into an object, refuse conflicts, drop what is no longer stated.

The caller passes a decoded configuration; defaults, admission and storage come afterwards and are not done here.
"""

from typing import Any

from minispod.simulator.kubernetes.machinery.fields import (
    ANYTHING,
    Path,
    Paths,
    child_node,
    children,
    difference,
    field_set,
    item_key,
    told,
)
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone, now_text
from minispod.simulator.kubernetes.machinery.ownership import Claim, Ledger, Owner, read_ledger, write_ledger
from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.machinery.schema import Node


def apply(node: Node, live: Json | None, config: Json, owner: Owner, *, force: bool) -> Json:
    """The object after the configuration is applied by that owner; raises a 409 for fields others hold."""
    stated = field_set(node, config)
    ledger = read_ledger(live)
    before = clone(live) if live else {}
    merged: Json = merge(node, before, config)
    changed = difference(node, before, merged).changed
    _settle_conflicts(ledger, owner, changed & stated if live else set(), force=force)
    previous = ledger.get(owner)
    if previous:
        others: Paths = set().union(*(claim.paths for other, claim in ledger.items() if other != owner))
        _prune(node, merged, previous.paths - stated, keep=others | stated)
    time = previous.time if previous and previous.paths == stated else now_text()
    ledger[owner] = Claim(stated, time)
    write_ledger(merged, ledger)
    return merged


def _settle_conflicts(ledger: Ledger, owner: Owner, changed: Paths, *, force: bool) -> None:
    conflicts = [
        (other, path)
        for other, claim in ledger.items()
        if other != owner
        for path in sorted(claim.paths & changed)
    ]
    if conflicts and not force:
        raise _conflict(conflicts)
    for other, claim in ledger.items():
        if other != owner:
            claim.paths = claim.paths - changed


def _conflict(conflicts: list[tuple[Owner, Path]]) -> Refusal:
    causes: list[Json] = []
    fields: dict[str, list[str]] = {}
    for other, path in conflicts:
        name = _named(other)
        causes.append(
            {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": told(path)}
        )
        fields.setdefault(name, []).append(told(path))
    if len(conflicts) == 1:
        text = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = [
            line
            for name in sorted(fields)
            for line in (f"conflicts with {name}:", *(f"- {field}" for field in fields[name]))
        ]
        text = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return Refusal(409, "Conflict", text, {"causes": causes})


def _named(owner: Owner) -> str:
    """How a conflict names an owner."""
    through = f' with subresource "{owner.subresource}"' if owner.subresource else ""
    using = f" using {owner.api_version}" if owner.operation == "Update" else ""
    return f'"{owner.manager}"{through}{using}'


def merge(node: Node, old: Any, new: Any) -> Any:
    """The old value with the stated parts of the new one in it."""
    if isinstance(old, dict) and isinstance(new, dict) and node.form in ("struct", "map") and not node.atomic:
        merged = dict(old)
        for key, value in new.items():
            merged[key] = merge(child_node(node, key), old.get(key), value)
        return merged
    keyed = node.form == "list" and node.list_type in ("map", "set")
    if keyed and isinstance(old, list) and isinstance(new, list):
        return _merge_list(node, old, new)
    return clone(new)


def _merge_list(node: Node, old: list[Any], new: list[Any]) -> list[Any]:
    """Stated members in stated order, others where they were before them."""
    element = node.element or ANYTHING
    stated = {item_key(node, item): item for item in new}
    known = {item_key(node, item): item for item in old}
    merged = {key: merge(element, known.get(key), item) for key, item in stated.items()}
    kept = [item for key, item in known.items() if key not in stated]
    return [*merged.values(), *kept]


def _prune(node: Node, merged: Json, dropped: Paths, *, keep: Paths) -> None:
    """Remove what the owner stated before and states no more, unless it is still somebody's."""
    for path in sorted(dropped, key=len):  # whole members first: without its key a member cannot be found
        if not any(held[: len(path)] == path for held in keep):
            _remove(node, merged, path)


def _remove(node: Node, value: Any, path: Path) -> bool:
    """Take the path out of the value; True when the value is empty afterwards."""
    parts = children(node, value)
    if parts is None:
        return False
    element = path[0]
    for position, (found, part_node, part) in enumerate(list(parts)):
        if found != element:
            continue
        if len(path) == 1 or _remove(part_node, part, path[1:]):
            if isinstance(value, dict):
                value.pop(element.removeprefix("f:"), None)
            else:
                value.pop(position)
            return not value
        return False
    return False
