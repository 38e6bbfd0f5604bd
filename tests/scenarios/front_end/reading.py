"""What the front end reads of an answer: `instances[0].status:words` and the like, as `calls.yaml` writes them."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

_MISSING = object()
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_STEP = re.compile(r"(?P<name>[^\[]*)(?:\[(?P<which>[+0]?)\])?")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    if not (isinstance(value, str) and _TIME.fullmatch(value)):
        return False
    return datetime.fromisoformat(value).tzinfo == UTC


KINDS: dict[str, Callable[[Any], bool]] = {
    "words": lambda value: isinstance(value, str) and value.strip() != "",
    "text": lambda value: isinstance(value, str),
    "int": _is_whole,
    "number": lambda value: _is_whole(value) or isinstance(value, float),
    "flag": lambda value: isinstance(value, bool),
    "time": _is_time,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "role": lambda value: value in ("ADMINISTRATOR", "USER"),
    "ki": lambda value: isinstance(value, str) and value.endswith("Ki") and value[:-2].isdigit(),
    "port": lambda value: _is_whole(value) or isinstance(value, str),
}


def check(data: Any, reads: str) -> None:
    """Fail with every key that is not as the front end needs it."""
    found = [fault for each in reads.split() for fault in _faults(data, each)]
    assert not found, "\n".join(sorted(set(found)))


def _faults(data: Any, read: str) -> Iterator[str]:
    path, _, kind = read.rpartition(":")
    may_miss = kind.endswith("?")
    fits = KINDS[kind.removesuffix("?")]
    for value in _values(data, [each for each in path.split(".") if each]):
        if value is _MISSING or value is None:
            if not may_miss:
                yield f"{path}: {'missing' if value is _MISSING else 'null'}, but {kind} is read"
        elif not fits(value):
            yield f"{path}: {value!r} is not {kind}"


def _values(data: Any, steps: list[str]) -> Iterator[Any]:
    """All values a path leads to; _MISSING where it leads nowhere."""
    if not steps:
        yield data
        return
    step = _STEP.fullmatch(steps[0])
    assert step is not None, steps[0]
    value = data
    if step["name"]:
        value = data.get(step["name"], _MISSING) if isinstance(data, dict) else _MISSING
    if step["which"] is None:
        yield from _values(value, steps[1:])
        return
    if not isinstance(value, list):
        yield _MISSING
        return
    if not value and step["which"]:
        yield _MISSING
    for each in value[:1] if step["which"] == "0" else value:
        yield from _values(each, steps[1:])
