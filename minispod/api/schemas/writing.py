"""How schemas write answers: each compiled once into plain functions, which do what marshmallow would do.

A list of twenty rows has a thousand fields, and marshmallow asks anew for each of them what kind it is. The kinds of
field that make up nearly all answers are written directly here; every other kind is still left to marshmallow.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any

from marshmallow import Schema, fields, missing
from marshmallow.utils import get_value

Writer = Callable[[Any], Any]
_HOOKS = ("pre_dump", "post_dump")


class Written(Schema):
    """A schema whose answers are written so; a kind of field of our own says by `written` how."""

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        if many and obj is not None:
            return [self._write(each) for each in obj]
        return self._write(obj)

    @cached_property
    def _write(self) -> Writer:
        return _writer_of(self)


def _writer_of(schema: Schema) -> Writer:
    parts = [
        (field.data_key if field.data_key is not None else name, *_part(schema, name, field))
        for name, field in schema.dump_fields.items()
    ]
    names = [shown for _, shown, *_ in parts if shown is not None]
    is_plain = len(names) == len(parts) > 1
    of_object = attrgetter(*names) if is_plain else None
    of_dict = itemgetter(*names) if is_plain and not any("." in name for name in names) else None

    def write(obj: Any) -> dict[str, Any]:
        is_object = not hasattr(obj, "__getitem__")
        read_all = of_object if is_object else of_dict if type(obj) is dict else None
        if read_all is not None:
            try:
                values = read_all(obj)
            except (AttributeError, KeyError):  # not everything is there: what is not is left out
                pass
            else:
                return {
                    key: value if type(value) is plain or value is None else convert(value)
                    for (key, _, plain, convert, _), value in zip(parts, values, strict=True)
                }
        read = getattr if is_object else _find
        written = {}
        for key, name, plain, convert, write_whole in parts:
            if write_whole is not None:
                value = write_whole(obj)
            else:
                value = read(obj, str(name), missing)
                if type(value) is not plain and value is not None and value is not missing:
                    value = convert(value)
            if value is not missing:
                written[key] = value
        return written

    return write


def _part(
    schema: Schema, name: str, field: fields.Field[Any]
) -> tuple[str | None, type[Any] | None, Writer, Writer | None]:
    """The attribute a field shows, what kind of value stays as it is and what writes others.

    And what writes it from the whole object, where it is not one attribute of it.
    """
    write = _value_writer(field)
    reads_its_own_way = type(schema).get_attribute is not Schema.get_attribute
    if type(field) is fields.Function and field.serialize_func is not None:
        return None, None, _as_it_is, field.serialize_func
    if write is None or field.dump_default is not missing or reads_its_own_way:
        return None, None, _as_it_is, lambda obj: field.serialize(name, obj, accessor=schema.get_attribute)
    shown = field.attribute if field.attribute is not None else name
    return shown, _PLAIN.get(write), write, _path(shown.split("."), write) if "." in shown else None


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


def _value_writer(field: fields.Field[Any]) -> Writer | None:
    """What writes a value that is there; None for a kind of field that marshmallow writes."""
    kind = type(field)
    own: Writer | None = vars(kind).get("written")
    if own is not None:
        return own
    if kind is fields.String:
        return _text
    if kind is fields.Boolean:
        return _as_it_is
    if kind is fields.Integer and not field.as_string:  # type: ignore[attr-defined]
        return int
    if isinstance(field, fields.Nested):
        return _nested(field)
    if kind is fields.List:
        each = _value_writer(field.inner)  # type: ignore[attr-defined]
        return None if each is None else _list_writer(each)
    return None


def _nested(field: fields.Nested) -> Writer | None:
    schema = field.schema
    if any(hooks for name, hooks in schema._hooks.items() if name in _HOOKS):
        return None
    write = _writer_of(schema)
    return (lambda values: [write(one) for one in values]) if schema.many or field.many else write


def _list_writer(each: Writer) -> Writer:
    plain = _PLAIN.get(each)
    return lambda values: [one if type(one) is plain or one is None else each(one) for one in values]


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    return value.decode() if isinstance(value, bytes) else str(value)


def _as_it_is(value: Any) -> Any:
    return value


# What each of these leaves as it is: nearly all values there are, and a call costs more than looking.
_PLAIN: dict[Writer, type[Any]] = {_text: str, int: int, _as_it_is: bool}
