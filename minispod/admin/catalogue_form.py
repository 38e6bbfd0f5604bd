"""The forms of categories, services and plans: which fields they have, what stands in them, and what was typed.

Bounds are the domain's (catalog/terms). Only what differs from the row is sent on; a blank clears what may be blank.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from minispod.catalog.errors import BadTermsOfSale
from minispod.catalog.models import PlanType
from minispod.catalog.terms import CATEGORY, PLAN, SERVICE, Bounds
from minispod.kernel.ids import parse_id

_LONGEST = 10_000
# With or without marks between the thousands, as people write rupiah; never a fraction.
_WHOLE = re.compile(r"[0-9]{1,9}|[0-9]{1,3}(?:[.,][0-9]{3}){1,2}")


class Shape(StrEnum):
    """How a field looks, and how what is typed is read."""

    TEXT = "text"
    LONG = "long"
    NUMBER = "number"
    LINES = "lines"
    TICK = "tick"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the name on the row, its label, a hint; `blank` is what a blank means where it means something."""

    name: str
    label: str
    shape: Shape = Shape.TEXT
    hint: str | None = None
    clears: bool = False
    blank: Any = None


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one kind of thing, in groups, with their bounds."""

    bounds: Bounds
    groups: tuple[tuple[str, tuple[Field, ...]], ...]

    @property
    def fields(self) -> Sequence[Field]:
        """All fields."""
        return [field for _, fields in self.groups for field in fields]


_PLACE = Field("sort_order", "Place in the list", Shape.NUMBER, "Lower numbers stand first")
CATEGORY_FORM = Form(
    CATEGORY,
    (
        (
            "What it is",
            (
                Field("name", "Name"),
                Field("slug", "Slug", hint="Lowercase letters, digits and hyphens; part of addresses"),
                Field("description", "Description", Shape.LONG, clears=True),
                Field("parent_id", "Lies in", Shape.CHOICE, "Without one it stands at the top", clears=True),
                _PLACE,
            ),
        ),
    ),
)
SERVICE_FORM = Form(
    SERVICE,
    (
        (
            "What it is",
            (
                Field("name", "Name"),
                Field("slug", "Slug", hint="Names the recipe by which it is run"),
                Field("category_id", "Category", Shape.CHOICE),
                Field("description", "Description", Shape.LONG, "Short, for the list in the shop", True, ""),
                Field("long_description", "Long description", Shape.LONG, "For its own page", True),
                Field("tags", "Tags", Shape.LINES, "One on each line", True, []),
            ),
        ),
        (
            "How it is shown",
            (
                Field("icon", "Address of its icon", clears=True),
                Field("documentation", "Address of its documentation", clears=True),
                Field("is_public", "Shown to everybody", Shape.TICK),
                Field("is_featured", "Stands first", Shape.TICK),
                _PLACE,
            ),
        ),
    ),
)
PLAN_FORM = Form(
    PLAN,
    (
        (
            "What it is",
            (
                Field("name", "Name"),
                Field("description", "Description", Shape.LONG, clears=True),
                Field("features", "What it offers", Shape.LINES, "One on each line", True, []),
                Field("is_popular", "Marked as popular", Shape.TICK),
                _PLACE,
            ),
        ),
        (
            "What it gives",
            (
                Field("cpu_milli", "CPU in thousandths", Shape.NUMBER, "1000 is one CPU"),
                Field("memory_mb", "Memory in MB", Shape.NUMBER),
                Field("storage_gb", "Disk in GB", Shape.NUMBER, "0 only where nothing is kept"),
                Field("bandwidth", "Traffic in GB", Shape.NUMBER, "Shown, not measured"),
                Field("max_domains", "Own domains", Shape.NUMBER),
                Field("max_instances_per_user", "Instances of a customer", Shape.NUMBER),
            ),
        ),
    ),
)
NEW_PLAN_FORM = Form(
    PLAN,
    (
        *PLAN_FORM.groups,
        (
            "Where it stands",
            (
                Field("plan_type", "Tier", Shape.CHOICE),
                Field("monthly_price", "Price a month in rupiah", Shape.NUMBER),
                Field("total_quota", "Slots", Shape.NUMBER, "How many customers can have it at once"),
            ),
        ),
    ),
)


def filled_with(form: Form, row: object) -> dict[str, str]:
    """The texts of the fields as they stand for a row."""
    return {field.name: _text(getattr(row, field.name)) for field in form.fields}


def typed(form: Form, sent: Mapping[str, str]) -> dict[str, str]:
    """The texts of the fields as they were sent; a tick that is not there is none."""
    return {
        field.name: sent.get(field.name, "").replace("\x00", "").replace("\r\n", "\n").strip()[:_LONGEST]
        for field in form.fields
    }


def terms(form: Form, texts: Mapping[str, str], row: object | None = None) -> dict[str, Any]:
    """What was typed, read; of a row that is there already, only what differs. Refuses BadTermsOfSale."""
    found = {field.name: _read(field, texts[field.name]) for field in form.fields}
    said = {
        field.name: field.blank if found[field.name] is None else found[field.name]
        for field in form.fields
        if found[field.name] is not None or field.clears or field.name in form.bounds.needed
    }
    return (
        said if row is None else {name: value for name, value in said.items() if value != getattr(row, name)}
    )


def whole_number(text: str, label: str) -> int:
    """A whole number as people write it; refuses BadTermsOfSale."""
    if not _WHOLE.fullmatch(text.strip()):
        raise BadTermsOfSale(f"{label}: write a whole number.")
    return int(text.strip().replace(".", "").replace(",", ""))


def _read(field: Field, text: str) -> Any:
    if field.shape is Shape.TICK:
        return bool(text)
    if not text:
        return None
    if field.shape is Shape.NUMBER:
        return whole_number(text, field.label)
    if field.shape is Shape.LINES:
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _chosen(field, text) if field.shape is Shape.CHOICE else text


def _chosen(field: Field, text: str) -> Any:
    if field.name != "plan_type":
        return parse_id(text)
    try:
        return PlanType(text)
    except ValueError:
        raise BadTermsOfSale(f"{field.label}: choose one.") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
