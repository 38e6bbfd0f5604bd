"""How schemas write answers: each compiled once into plain functions, which do what marshmallow would do.

A list of twenty rows has a thousand fields, and marshmallow asks anew for each of them what kind it is. The kinds of
field that make up nearly all answers are written directly here; every other kind is still left to marshmallow.
"""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, fields, missing
from marshmallow.utils import get_value

Writer = Callable[[Any], Any]
_HOOKS = ("pre_dump", "post_dump")


def writer_of(schema: Schema, special: Mapping[type[Any], Writer]) -> Writer:
    """The function that writes one object as a dictionary; `special` writes values of further kinds of field."""
    parts = [
        (field.data_key if field.data_key is not None else name, _part(schema, name, field, special))
        for name, field in schema.dump_fields.items()
    ]

    def write(obj: Any) -> dict[str, Any]:
        written = {}
        for key, part in parts:
            value = part(obj)
            if value is not missing:
                written[key] = value
        return written

    return write


def _part(schema: Schema, name: str, field: fields.Field[Any], special: Mapping[type[Any], Writer]) -> Writer:
    write = _value_writer(field, special)
    reads_its_own_way = type(schema).get_attribute is not Schema.get_attribute
    if write is None or field.dump_default is not missing or reads_its_own_way:
        return lambda obj: field.serialize(name, obj, accessor=schema.get_attribute)
    read = _reader(field.attribute if field.attribute is not None else name)

    def part(obj: Any) -> Any:
        value = read(obj)
        return value if value is None or value is missing else write(value)

    return part


def _reader(name: str) -> Writer:
    if "." in name:
        return lambda obj: get_value(obj, name)

    def read(obj: Any) -> Any:
        if type(obj) is dict and name in obj:
            return obj[name]
        return get_value(obj, name) if hasattr(obj, "__getitem__") else getattr(obj, name, missing)

    return read


def _value_writer(field: fields.Field[Any], special: Mapping[type[Any], Writer]) -> Writer | None:
    """What writes a value that is there; None for a kind of field that marshmallow writes."""
    kind = type(field)
    if kind in special:
        return special[kind]
    if kind is fields.String:
        return _text
    if kind is fields.Boolean:
        return _as_it_is
    if kind is fields.Integer and not field.as_string:  # type: ignore[attr-defined]
        return int
    if isinstance(field, fields.Nested):
        return _nested(field, special)
    if kind is fields.List:
        each = _value_writer(field.inner, special)  # type: ignore[attr-defined]
        return None if each is None else lambda values: [None if one is None else each(one) for one in values]
    return None


def _nested(field: fields.Nested, special: Mapping[type[Any], Writer]) -> Writer | None:
    schema = field.schema
    if any(hooks for name, hooks in schema._hooks.items() if name in _HOOKS):
        return None
    write = writer_of(schema, special)
    return (lambda values: [write(one) for one in values]) if schema.many or field.many else write


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    return value.decode() if isinstance(value, bytes) else str(value)


def _as_it_is(value: Any) -> Any:
    return value
