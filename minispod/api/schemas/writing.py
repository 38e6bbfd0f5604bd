"""How schemas write answers: each compiled once into plain functions, which do what marshmallow would do.

A list of twenty rows has a thousand fields, and marshmallow asks anew for each of them what kind it is. The kinds of
field that make up nearly all answers are written directly here; every other kind is still left to marshmallow.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, missing
from marshmallow.utils import get_value

Writer = Callable[[Any], Any]
_HOOKS = ("pre_dump", "post_dump")


def writer_of(schema: Schema, special: Mapping[type[Any], Writer]) -> Writer:
    """The function that writes one object as a dictionary; `special` writes values of further kinds of field."""
    parts = [
        (field.data_key if field.data_key is not None else name, *_part(schema, name, field, special))
        for name, field in schema.dump_fields.items()
    ]

    def write(obj: Any) -> dict[str, Any]:
        read = _find if hasattr(obj, "__getitem__") else getattr
        written = {}
        for key, name, convert in parts:
            if name is None:
                value = convert(obj)
            else:
                value = read(obj, name, missing)
                if value is not None and value is not missing:
                    value = convert(value)
            if value is not missing:
                written[key] = value
        return written

    return write


def _part(
    schema: Schema, name: str, field: fields.Field[Any], special: Mapping[type[Any], Writer]
) -> tuple[str | None, Writer]:
    """The attribute a field shows and what writes its value; without a name, what writes it from the whole object."""
    write = _value_writer(field, special)
    reads_its_own_way = type(schema).get_attribute is not Schema.get_attribute
    if type(field) is fields.Function and field.serialize_func is not None:
        return None, field.serialize_func
    if write is None or field.dump_default is not missing or reads_its_own_way:
        return None, lambda obj: field.serialize(name, obj, accessor=schema.get_attribute)
    shown = field.attribute if field.attribute is not None else name
    return (None, _path(shown.split("."), write)) if "." in shown else (shown, write)


def _path(names: Sequence[str], write: Writer) -> Writer:
    def part(obj: Any) -> Any:
        for name in names:
            obj = _find(obj, name, missing)
        return obj if obj is None or obj is missing else write(obj)

    return part


def _find(obj: Any, name: str, default: Any) -> Any:
    if type(obj) is dict and name in obj:
        return obj[name]
    if isinstance(obj, str) or not hasattr(obj, "__getitem__"):
        return getattr(obj, name, default)
    return get_value(obj, name, default)


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
