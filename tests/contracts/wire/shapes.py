"""The shape of an answer: which keys it has, of which kind their values are, and which may be null.

Two answers are compared as sets of samples: the elements of a list are samples of one shape. A value that
is null in one recording may be of a kind seen under the same key in another one (the vocabulary).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
_ALMOST_TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\d([T ]\d\d:|$)")
_GATEWAY_TIME = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( \+0700)?$")
_MONEY = re.compile(r"(amount|price|balance|credit|spent|spending|topup|charge|shortfall)", re.IGNORECASE)
_NOT_MONEY = frozenset({"failedCharges", "creditCheck"})

Vocabulary = Mapping[str, frozenset[str]]


def kind(value: Any) -> str:
    """What a value is, as far as a client can tell."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "fraction"
        case str():
            return "timestamp" if _TIMESTAMP.match(value) else "text"
        case list():
            return "list"
        case _:
            return "object"


def vocabulary(answers: Iterable[Any]) -> Vocabulary:
    """The kinds seen under each key, wherever it occurs."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for answer in answers:
        for path, value in leaves(answer):
            kinds[_key(path)].add(kind(value))
    return {key: frozenset(found) for key, found in kinds.items()}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path, containers included."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")


def differences(
    theirs: Any, ours: Any, known: Vocabulary, opaque: frozenset[str] = frozenset()
) -> frozenset[str]:
    """What of our answer is not as theirs, one sentence each; below `opaque` paths nothing is compared."""
    return frozenset(_differences([theirs], [ours], "", known, opaque))


def _differences(
    theirs: list[Any], ours: list[Any], path: str, known: Vocabulary, opaque: frozenset[str]
) -> Iterator[str]:
    yield from _kinds_apart(theirs, ours, path, known)
    if path in opaque:
        return
    their_objects, our_objects = _of_type(theirs, dict), _of_type(ours, dict)
    if their_objects and our_objects:
        yield from _keys_apart(their_objects, our_objects, path)
        for key in sorted(_any_key(their_objects) & _any_key(our_objects)):
            yield from _differences(
                [each[key] for each in their_objects if key in each],
                [each[key] for each in our_objects if key in each],
                f"{path}.{key}".lstrip("."),
                known,
                opaque,
            )
    their_items = [item for each in _of_type(theirs, list) for item in each]
    our_items = [item for each in _of_type(ours, list) for item in each]
    if their_items and our_items:
        yield from _differences(their_items, our_items, f"{path}[]", known, opaque)


def _kinds_apart(theirs: list[Any], ours: list[Any], path: str, known: Vocabulary) -> Iterator[str]:
    their_kinds, our_kinds = {kind(each) for each in theirs}, {kind(each) for each in ours}
    seen = known.get(_key(path), frozenset())
    for each in sorted(our_kinds - their_kinds):
        is_seen_elsewhere = each in seen and (each == "null" or their_kinds == {"null"})
        if not is_seen_elsewhere:
            yield f"{path}: {each} instead of {'/'.join(sorted(their_kinds))}"


def _keys_apart(theirs: list[dict[str, Any]], ours: list[dict[str, Any]], path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    always = set.intersection(*(set(each) for each in theirs))
    for key in sorted(always - set.intersection(*(set(each) for each in ours))):
        yield f"{prefix}{key}: missing"
    for key in sorted(_any_key(ours) - _any_key(theirs)):
        yield f"{prefix}{key}: added"


def wire_faults(answer: dict[str, Any]) -> list[str]:
    """What breaks the format of contract README 5: empty ids, odd timestamps, money that is no integer."""
    faults = []
    for path, value in leaves({**answer, "errors": None}):
        key = _key(path)
        if (
            (key == "id" or key.endswith("Id"))
            and value is not None
            and not (isinstance(value, str) and value)
        ):
            faults.append(f"{path}: {value!r} is no id")
        if isinstance(value, str) and _ALMOST_TIMESTAMP.match(value) and not _is_time(value):
            faults.append(f"{path}: {value!r} is no timestamp with milliseconds and Z")
        if _MONEY.search(key) and key not in _NOT_MONEY and kind(value) in {"fraction", "text"}:
            faults.append(f"{path}: {value!r} is not an integer of rupiah")
    return faults


def _is_time(text: str) -> bool:
    return bool(_TIMESTAMP.match(text) or _GATEWAY_TIME.match(text))


def _of_type(values: list[Any], wanted: type) -> list[Any]:
    return [each for each in values if isinstance(each, wanted)]


def _any_key(objects: list[dict[str, Any]]) -> set[str]:
    return set().union(*objects)


def _key(path: str) -> str:
    return path.rpartition(".")[2].replace("[]", "")
