"""Reading Kubernetes' protobuf bodies, which kubectl's `create` commands and `drain` send; nothing is written in it.

`protobuf.json` gives the fields by number for the kinds such commands make. Numbers it does not know are passed over,
and zero values that only protobuf sends are dropped, so that the result is what JSON would have said.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from minispod.simulator.kubernetes.machinery.jsonish import Json
from minispod.simulator.kubernetes.machinery.refusals import bad_request

MAGIC = b"k8s\x00"
POINTERS = frozenset(
    (
        "allowPrivilegeEscalation",
        "automountServiceAccountToken",
        "backoffLimit",
        "completions",
        "enableServiceLinks",
        "fsGroup",
        "gracePeriodSeconds",
        "immutable",
        "optional",
        "orphanDependents",
        "parallelism",
        "readOnlyRootFilesystem",
        "replicas",
        "revisionHistoryLimit",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "suspend",
        "terminationGracePeriodSeconds",
        "ttlSecondsAfterFinished",
    )
)


@cache
def _messages() -> dict[str, dict[str, list[str]]]:
    text = resources.files(__package__).joinpath("protobuf.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, list[str]]] = json.loads(text)
    return loaded


def read(body: bytes) -> Json:
    """The object in a protobuf body; a 400 if it is none that can be read."""
    try:
        if not body.startswith(MAGIC):
            raise ValueError("the magic bytes are missing")
        envelope = dict(_fields(body[len(MAGIC) :]))
        type_ = {number: _text(value) for number, value in _fields(envelope[1])}
        version, kind = type_.get(1, ""), type_.get(2, "")
        name = _message_name(version, kind)
        return {"apiVersion": version, "kind": kind, **_message(name, envelope[2])}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, OSError) as fault:
        raise bad_request(f"the protobuf body cannot be read: {fault}") from fault


def _message_name(version: str, kind: str) -> str:
    group, _, number = version.rpartition("/")
    package = f"{group.split('.')[0]}.{number}" if group else "core"
    if kind == "DeleteOptions":
        package = "meta"
    if kind == "Eviction":
        package = "policy.v1"
    name = f"{package}.{kind}"
    if name not in _messages():
        raise ValueError(f"{version} {kind} is only understood as JSON")
    return name


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers and raw values of a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
        elif wire == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a field is longer than the message")
            yield key >> 3, data[at : at + length]
            at += length
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            yield key >> 3, data[at : at + width]
            at += width
        else:
            raise ValueError(f"wire type {wire}")


def _text(value: bytes) -> str:
    return value.decode()


def _message(name: str, data: bytes) -> Json:
    known: dict[str, list[str]] = _messages()[name]
    result: Json = {}
    for number, raw in _fields(data):
        if str(number) not in known:
            continue
        field, form, type_ = known[str(number)]
        if form == "map":
            entry = dict(_fields(raw))
            result.setdefault(field, {})[_text(entry.get(1, b""))] = _value(type_, entry.get(2, b""))
        elif form == "list":
            result.setdefault(field, []).append(_value(type_, raw))
        elif not field:
            result |= _message(type_, raw)
        else:
            value = _value(type_, raw)
            if value or isinstance(value, dict) or field in POINTERS:
                result[field] = value
    return result


def _integer(raw: int) -> int:
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def _time(raw: bytes) -> str | None:
    seconds = dict(_fields(raw)).get(1)
    return datetime.fromtimestamp(_integer(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


def _either(raw: bytes) -> int | str:
    told = dict(_fields(raw))
    return _text(told.get(3, b"")) if told.get(1) else _integer(told.get(2, 0))


SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "bytes": lambda raw: base64.b64encode(raw).decode(),
    "bool": bool,
    "int32": _integer,
    "int64": _integer,
    "Quantity": lambda raw: _text(dict(_fields(raw)).get(1, b"0")),
    "IntOrString": _either,
    "meta.Time": _time,
    "meta.MicroTime": _time,
    "meta.FieldsV1": lambda raw: json.loads(dict(_fields(raw)).get(1, b"{}")),
}


def _value(type_: str, raw: Any) -> Any:
    return SCALARS[type_](raw) if type_ in SCALARS else _message(type_, raw)
