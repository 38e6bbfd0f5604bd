"""What would be applied for an instance beside what the cluster has, object by object, without any secret. Pure.

Compared are the fields that we state: the cluster fills in many more, and those are no difference. Quantities that
mean the same ("1000m" and "1") are the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

import yaml

from minispod.cluster.port import Manifest
from minispod.cluster.quantities import parse_quantity

HIDDEN = "(hidden)"
READ = frozenset({"Deployment", "Service", "Ingress"})
"""The kinds that the web processes may read in a customer's namespace."""

_SHORTEST_SECRET = 6
_NOT_OURS = ("managedFields", "uid", "resourceVersion", "generation", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Standing(StrEnum):
    """How one object stands."""

    SAME = "SAME"
    DIFFERS = "DIFFERS"
    MISSING = "MISSING"
    ONLY_THERE = "ONLY_THERE"
    NOT_READ = "NOT_READ"


@dataclass(frozen=True, slots=True)
class Compared:
    """One object; `lines` are what we state, each marked "-" (only we say so), "+" (only the cluster does) or " "."""

    kind: str
    name: str
    standing: Standing
    lines: Sequence[tuple[str, str]]
    present: str | None = None


def compare(
    wanted: Sequence[Manifest], present: Sequence[Manifest] | None, *, secrets: Collection[str]
) -> list[Compared]:
    """Each object that is wanted, then what only the cluster has; `present` is None while the cluster is silent."""
    there = {_key(each): each for each in present or ()}
    hidden = {each for each in secrets if len(each) >= _SHORTEST_SECRET}
    found = []
    for each in wanted:
        kind = str(each["kind"])
        is_read = present is not None and kind in READ
        found.append(_one(each, there.pop(_key(each), None), is_read=is_read, hidden=hidden))
    found += [_one(None, each, is_read=True, hidden=hidden) for each in there.values()]
    return found


def _one(wanted: Manifest | None, present: Manifest | None, *, is_read: bool, hidden: set[str]) -> Compared:
    one: Manifest = wanted or present or {}
    ours = _dump(_hide(wanted, hidden)) if wanted is not None else []
    seen = _dump(_hide(_alike(wanted, present), hidden)) if wanted is not None and present is not None else []
    whole = None if present is None else "\n".join(_dump(_hide(_tidy(present), hidden)))
    if wanted is None:
        standing, lines = Standing.ONLY_THERE, [("+", line) for line in (whole or "").split("\n")]
    elif not is_read:
        standing, lines = Standing.NOT_READ, [(" ", line) for line in ours]
    elif present is None:
        standing, lines = Standing.MISSING, [("-", line) for line in ours]
    else:
        lines = _marked(ours, seen)
        standing = Standing.SAME if ours == seen else Standing.DIFFERS
    return Compared(str(one["kind"]), str(one["metadata"]["name"]), standing, lines, whole)


def _key(manifest: Manifest) -> tuple[str, str]:
    return str(manifest["kind"]), str(manifest["metadata"]["name"])


def _alike(ours: Any, theirs: Any) -> Any:
    """Of theirs, what ours speaks of, written as ours is where it means the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {name: _alike(value, theirs[name]) for name, value in ours.items() if name in theirs}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [_alike(*pair) for pair in zip(ours, theirs, strict=True)]
    return ours if ours == theirs or _means_the_same(ours, theirs) else theirs


def _means_the_same(ours: Any, theirs: Any) -> bool:
    if not isinstance(ours, str | int | float) or not isinstance(theirs, str | int | float):
        return False
    try:
        return parse_quantity(ours) == parse_quantity(theirs)
    except ValueError:
        return False


def _tidy(manifest: Manifest) -> Manifest:
    """Without what only the server keeps for itself."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in _NOT_OURS}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {name: text for name, text in annotations.items() if name != _LAST_APPLIED}
    return {**manifest, "metadata": metadata}


def _hide(value: Any, hidden: set[str]) -> Any:
    """The same without secrets: no value of a Secret, and no text that one of them is in."""
    if isinstance(value, dict):
        closed = ("data", "stringData") if value.get("kind") == "Secret" else ()
        return {
            name: dict.fromkeys(inner, HIDDEN) if name in closed else _hide(inner, hidden)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_hide(each, hidden) for each in value]
    if isinstance(value, str) and any(each in value for each in hidden):
        return HIDDEN
    return value


def _dump(value: Any) -> list[str]:
    return yaml.safe_dump(value, sort_keys=True, width=1000, allow_unicode=True).rstrip("\n").split("\n")


def _marked(ours: list[str], theirs: list[str]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for what, first, last, their_first, their_last in SequenceMatcher(
        None, ours, theirs, autojunk=False
    ).get_opcodes():
        if what == "equal":
            lines += [(" ", line) for line in ours[first:last]]
        else:
            lines += [("-", line) for line in ours[first:last]]
            lines += [("+", line) for line in theirs[their_first:their_last]]
    return lines
