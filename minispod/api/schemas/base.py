"""The base of all schemas: camelCase outside, snake_case inside, unknown keys ignored.

The front end sends extra keys, blanks and nulls; the compatible endpoints accept them (contract,
"Empty strings and nulls").
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields, pre_load, validate

from minispod.api.envelope import timestamp
from minispod.api.schemas.writing import Written
from minispod.kernel.paging import Page, PageRequest


def camel(name: str) -> str:
    """snake_case to camelCase."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# Neither PostgreSQL nor UTF-8 can hold these.
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
_UNHELD = "must be text without NUL and without lone surrogates"


def holdable(text: str) -> None:
    """Refuse a text that cannot be kept; for texts inside of lists, which no schema looks through."""
    if _UNHOLDABLE.search(text):
        raise ValidationError(_UNHELD)


class WireSchema(Written):
    """A schema of the wire."""

    error_messages = {"type": "Must be a JSON object."}  # noqa: RUF012 (an instance has its own copy)

    class Meta:
        """Unknown keys are ignored, order is kept."""

        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field in camelCase unless it says otherwise."""
        if field_obj.data_key is None:
            field_obj.data_key = camel(field_name)

    @pre_load
    def _refuse_unholdable(self, data: Any, **kwargs: Any) -> Any:
        keys = [str(field.data_key) for field in self.load_fields.values()]
        texts = {key: data.get(key) for key in keys} if hasattr(data, "get") else {}
        problems = {
            key: [_UNHELD]
            for key, text in texts.items()
            if isinstance(text, str) and _UNHOLDABLE.search(text)
        }
        if problems:
            raise ValidationError(problems)
        return data


SOMETIMES: dict[str, Any] = {"sometimes": True}
"""Metadata of a field of an answer that is left out where it does not apply."""


class AnswerSchema(WireSchema):
    """A schema of answers: each field is always there, as null if it may be null, unless it says `SOMETIMES`.

    Where any field may be missing, the schema is used with `partial=True`.
    """

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field, and have the document say whether it is always there."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = not field_obj.metadata.get("sometimes", False)


class Timestamp(fields.Field[datetime]):
    """An instant as RFC 3339 with milliseconds and Z, or null."""

    written = timestamp

    def __init__(self, **kwargs: Any) -> None:
        kwargs["metadata"] = {"type": "string", "format": "date-time", **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else timestamp(value)


class Blank(fields.String):
    """A text that forms send as "" or null when it is not set; both are read as None."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_none", True)
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        return text.strip() or None if isinstance(text, str) else text

    def _validate(self, value: Any) -> None:
        if value is not None:
            super()._validate(value)


class BlankInteger(fields.Integer):
    """A whole number that forms send as "" or null when it is not set; both are read as None."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_none", True)
        super().__init__(**kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """Read the number; see the class."""
        return super().deserialize(None if value == "" else value, attr, data, **kwargs)


class BlankEnum(fields.Enum[Any]):
    """A word of a list that forms send as "" or null when it is not chosen; both are read as None."""

    def __init__(self, enum: type[StrEnum], **kwargs: Any) -> None:
        kwargs.setdefault("allow_none", True)
        super().__init__(enum, by_value=True, **kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """Read the word; see the class."""
        return super().deserialize(None if value == "" else value, attr, data, **kwargs)


class PageQuery(WireSchema):
    """Which page is wanted. Without `page` and `limit` the whole list up to 100 comes (contract, section 3)."""

    page = fields.Integer(load_default=1, validate=validate.Range(min=1, max=100_000))
    limit = fields.Integer(load_default=100, validate=validate.Range(min=1, max=100))


class RequestKeyHeader(WireSchema):
    """A key of the client's choice: the same key again is the same request."""

    request_key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=validate.Regexp(r"^[\x21-\x7e]{1,80}$", error="must be 1 to 80 visible ASCII characters"),
    )


class PaginationOut(AnswerSchema):
    """The superset of the contract's five pagination shapes."""

    page = fields.Integer()
    current_page = fields.Integer()
    limit = fields.Integer()
    total = fields.Integer()
    total_count = fields.Integer()
    pages = fields.Integer()
    total_pages = fields.Integer()
    has_more = fields.Boolean()
    has_next = fields.Boolean()
    has_prev = fields.Boolean()


def wanted_page(query: dict[str, Any]) -> PageRequest:
    """The page a query asks for."""
    return PageRequest(query["page"], query["limit"])


def pagination(page: Page[Any]) -> dict[str, Any]:
    """The pagination block of a list."""
    return {
        "page": page.page,
        "current_page": page.page,
        "limit": page.limit,
        "total": page.total,
        "total_count": page.total,
        "pages": page.pages,
        "total_pages": page.pages,
        "has_more": page.has_next,
        "has_next": page.has_next,
        "has_prev": page.has_previous,
    }
