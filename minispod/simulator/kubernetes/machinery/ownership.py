"""Who owns which fields: the managedFields of an object, and what a write does to them.

Every write goes through here: an Update takes over the fields it changes, an Apply owns exactly what it states.
"""

from dataclasses import dataclass, replace

from minispod.simulator.kubernetes.machinery.fields import Paths, difference, from_wire, to_wire
from minispod.simulator.kubernetes.machinery.jsonish import Json, now_text
from minispod.simulator.kubernetes.machinery.schema import Node


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry of managedFields without its fields."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""


@dataclass(slots=True)
class Claim:
    """The fields an owner holds, and since when."""

    paths: Paths
    time: str


Ledger = dict[Owner, Claim]


def read_ledger(obj: Json | None) -> Ledger:
    """The owners of an object's fields."""
    ledger: Ledger = {}
    for entry in (obj or {}).get("metadata", {}).get("managedFields") or ():
        if not entry.get("manager"):
            continue
        owner = Owner(
            entry["manager"],
            entry.get("operation", "Update"),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        )
        ledger[owner] = Claim(from_wire(entry.get("fieldsV1") or {}), entry.get("time") or now_text())
    return ledger


def write_ledger(obj: Json, ledger: Ledger) -> None:
    """Put the owners into the object's metadata, applied ones first and then by time."""
    held = [(owner, claim) for owner, claim in ledger.items() if claim.paths]
    held.sort(
        key=lambda pair: (pair[0].operation != "Apply", pair[1].time, pair[0].manager, pair[0].subresource)
    )
    entries = [_entry(owner, claim) for owner, claim in held]
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def _entry(owner: Owner, claim: Claim) -> Json:
    entry = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owner.api_version,
        "time": claim.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_wire(claim.paths),
    }
    if owner.subresource:
        entry["subresource"] = owner.subresource
    return entry


def record_update(node: Node, old: Json | None, new: Json, owner: Owner) -> None:
    """After a create, replace or patch: the writer owns what it changed, nobody owns what is gone."""
    ledger = _starting_ledger(old, new)
    owner = replace(owner, operation="Update")
    found = difference(node, _bare(old or {}), _bare(new))
    if owner not in ledger and found.changed:
        ledger[owner] = Claim(set(), now_text())
    for other, claim in ledger.items():
        if other == owner:
            claim.paths = (claim.paths | found.changed) - found.removed
        else:
            claim.paths = claim.paths - found.changed - found.removed
    if owner in ledger and (found.changed or found.removed):
        ledger[owner].time = now_text()
    write_ledger(new, ledger)


def _starting_ledger(old: Json | None, new: Json) -> Ledger:
    """The writer's own word on managedFields if it gave one, else what the stored object says."""
    given = new.get("metadata", {}).get("managedFields")
    if given is None or old is None:
        return read_ledger(old)
    return read_ledger(new)


def _bare(obj: Json) -> Json:
    """The object without what nobody owns, so that comparing is about content."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def same_content(first: Json, second: Json) -> bool:
    """Whether two versions differ in nothing but the times of their managedFields."""
    return _timeless(first) == _timeless(second)


def _timeless(obj: Json) -> Json:
    metadata = dict(obj.get("metadata", {}))
    metadata.pop("resourceVersion", None)
    entries = metadata.get("managedFields") or []
    metadata["managedFields"] = [
        {key: part for key, part in entry.items() if key != "time"} for entry in entries
    ]
    return {**obj, "metadata": metadata}
