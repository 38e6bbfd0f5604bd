"""Answers are written by compiled functions and by orjson: exactly as marshmallow and the standard library would."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from marshmallow import Schema, fields

from minispod.api.fast_json import FastJson
from minispod.api.schemas.base import Timestamp, WireSchema


class Kind(StrEnum):
    """A word of a list."""

    LARGE = "LARGE"


class InnerOut(WireSchema):
    """What lies inside."""

    first_name = fields.String()
    at = Timestamp(allow_none=True)


class OuterOut(WireSchema):
    """One field of each kind."""

    id = fields.String()
    kind = fields.String(attribute="kind.value")
    number = fields.Integer()
    share = fields.Float(allow_none=True)
    is_open = fields.Boolean()
    words = fields.List(fields.String())
    inner = fields.Nested(InnerOut, allow_none=True)
    many = fields.List(fields.Nested(InnerOut))
    others = fields.Nested(InnerOut, many=True)
    told = fields.Function(lambda obj: "told")
    fixed = fields.Constant(None)
    named = fields.Dict(keys=fields.String(), values=fields.Nested(InnerOut))
    usual = fields.Integer(dump_default=7)
    count = fields.Integer(data_key="_count")


AT = datetime(2026, 11, 22, 1, 2, 3, 4567, tzinfo=UTC)
INNER = {"first_name": "Siti", "at": AT}
FULL = {
    "id": UUID(int=1),
    "kind": SimpleNamespace(value="LARGE"),
    "number": "12",
    "share": 1,
    "is_open": True,
    "words": ["a", Kind.LARGE, None],
    "inner": INNER,
    "many": [INNER, SimpleNamespace(first_name=b"Budi", at=None)],
    "others": [INNER],
    "named": {"one": INNER},
    "count": 3,
}


class WrappedOut(InnerOut):
    """Reads its values from inside of what it is given."""

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return obj["inside"][attr]


def test_a_schema_that_reads_in_its_own_way_does() -> None:
    outer = type("HolderOut", (WireSchema,), {"each": fields.List(fields.Nested(WrappedOut))})
    thing = {"inside": INNER}
    written = {"firstName": "Siti", "at": "2026-11-22T01:02:03.004Z"}

    assert WrappedOut().dump(thing) == written
    assert outer().dump({"each": [thing]}) == {"each": [written]}


@dataclass
class Row:
    """An object that lacks most."""

    id: Any
    inner: Any


@pytest.mark.parametrize(
    "thing",
    [FULL, SimpleNamespace(**FULL), Row(None, None), {}, {"inner": None, "words": None, "number": None}],
    ids=["dict", "object", "nothing in it", "empty", "nulls"],
)
def test_compiled_functions_write_what_marshmallow_writes(thing: Any) -> None:
    schema = OuterOut()

    assert schema.dump(thing) == Schema._serialize(schema, thing)
    assert OuterOut(many=True).dump([thing, thing]) == [schema.dump(thing)] * 2


class PlainOut(WireSchema):
    """Attributes alone: all of them are read at once."""

    id = fields.String()
    kind = fields.String(attribute="kind.value")
    number = fields.Integer()
    is_open = fields.Boolean()
    words = fields.List(fields.String())
    inner = fields.Nested(InnerOut)
    at = Timestamp()


PLAIN = {"id": UUID(int=1), "kind": SimpleNamespace(value="LARGE"), "number": True, "is_open": 1}
MORE = {"words": ["a", Kind.LARGE, None], "inner": SimpleNamespace(first_name="Siti", at=AT), "at": AT}


@pytest.mark.parametrize(
    "thing",
    [
        SimpleNamespace(**PLAIN, **MORE),
        SimpleNamespace(**MORE),
        SimpleNamespace(**{**PLAIN, **MORE, "kind": None}),
        SimpleNamespace(**{**PLAIN, **MORE, "number": None, "words": None, "inner": None, "at": None}),
        {**PLAIN, **MORE},
    ],
    ids=["whole", "something is missing", "the way ends", "nulls", "dict"],
)
def test_what_is_read_at_once_is_what_marshmallow_reads_one_by_one(thing: Any) -> None:
    schema = PlainOut()
    written = schema.dump(thing)

    assert written == Schema._serialize(schema, thing)
    assert list(written) == list(Schema._serialize(schema, thing))


@pytest.mark.parametrize(
    "thing",
    [INNER, {"first_name": "Siti"}, {"at": None, "first_name": None}, {**INNER, "items": 1}, {}],
    ids=["whole", "something is missing", "nulls", "more than is shown", "empty"],
)
def test_keys_that_are_read_at_once_are_what_marshmallow_reads_one_by_one(thing: dict[str, Any]) -> None:
    schema = InnerOut()
    written = schema.dump(thing)

    assert written == Schema._serialize(schema, thing)
    assert list(written) == list(Schema._serialize(schema, thing))


def test_what_a_property_cannot_tell_is_left_out() -> None:
    class Broken:
        first_name = "Siti"

        @property
        def at(self) -> datetime:
            raise AttributeError

    assert InnerOut().dump(Broken()) == {"firstName": "Siti"}


@pytest.mark.parametrize(
    "thing",
    [
        {"b": 1, "a": [None, True, 1.5, "é"], "when": AT, "id": UUID(int=1), "kind": Kind.LARGE},
        {"a": 2**70},
        {1: "a key that is no text"},
        {"a": "half a pair: \ud800"},
    ],
    ids=["usual", "long number", "numbered key", "surrogate"],
)
def test_json_reads_back_as_that_of_flask(thing: Any) -> None:
    app = Flask("written")
    app.json.sort_keys = False  # type: ignore[attr-defined]

    assert json.loads(FastJson(app).dumps(thing)) == json.loads(app.json.dumps(thing))
