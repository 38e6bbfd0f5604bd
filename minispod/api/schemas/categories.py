"""Categories as administrators keep them, on the wire, and the fields that forms of the catalogue share."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from minispod.api.schemas.base import (
    AnswerSchema,
    Blank,
    BlankInteger,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.api.schemas.catalog import CategoryRefOut

SLUG = [
    validate.Length(2, 50),
    validate.Regexp(r"[a-z0-9-]+\Z", error="can only contain lowercase letters, numbers, and hyphens"),
]


class Given(Blank):
    """A text without blanks around it that must be there."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=True, allow_none=False, **kwargs)

    def _validate(self, value: Any) -> None:
        if value is None:
            raise ValidationError("Missing data for required field.")
        super()._validate(value)


class WholeNumber(BlankInteger):
    """A whole number, where a fraction is refused instead of cut off (fault 50)."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class CategoriesQuery(PageQuery):
    """Which categories are wanted."""

    search = Blank(load_default=None, validate=validate.Length(max=100))


class CategoryTermsIn(WireSchema):
    """What is said about a category; without a parent it stands at the top."""

    name = Blank(validate=validate.Length(2, 100))
    slug = Blank(validate=SLUG)
    description = Blank(validate=validate.Length(max=1000))
    parent_id = Blank(validate=validate.Length(max=64))
    sort_order = WholeNumber(validate=validate.Range(0, 1_000_000))


class CategoryIn(CategoryTermsIn):
    """A new category."""

    name = Given(validate=validate.Length(2, 100))
    slug = Given(validate=SLUG)


class FullCategoryOut(CategoryRefOut):
    """A category as staff see it."""

    description = fields.String(allow_none=True)
    parent_id = fields.String(allow_none=True)
    sort_order = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()


class CategoryUseOut(AnswerSchema):
    """What lies in a category itself."""

    services = fields.Integer()
    children = fields.Integer()


class ListedCategoryOut(FullCategoryOut):
    """A category in the list."""

    count = fields.Nested(CategoryUseOut, data_key="_count")


class CategoriesOut(AnswerSchema):
    """A page of categories."""

    categories = fields.List(fields.Nested(ListedCategoryOut))
    pagination = fields.Nested(PaginationOut)


class OneCategoryOut(AnswerSchema):
    """One category."""

    category = fields.Nested(FullCategoryOut)
