"""The forms of categories, services and plans: which fields they have, what stands in them, and what was typed.

Bounds are the domain's (catalog/terms). Only what differs from the row is sent on; a blank clears what may be blank.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
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


_PLACE = Field("sort_order", N_("Place in the list"), Shape.NUMBER, N_("Lower numbers stand first"))
CATEGORY_FORM = Form(
    CATEGORY,
    (
        (
            N_("What it is"),
            (
                Field("name", N_("Name")),
                Field(
                    "slug", N_("Slug"), hint=N_("Lowercase letters, digits and hyphens; part of addresses")
                ),
                Field("description", N_("Description"), Shape.LONG, clears=True),
                Field(
                    "parent_id",
                    N_("Lies in"),
                    Shape.CHOICE,
                    N_("Without one it stands at the top"),
                    clears=True,
                ),
                _PLACE,
            ),
        ),
    ),
)
SERVICE_FORM = Form(
    SERVICE,
    (
        (
            N_("What it is"),
            (
                Field("name", N_("Name")),
                Field("slug", N_("Slug"), hint=N_("Names the recipe by which it is run")),
                Field("category_id", N_("Category"), Shape.CHOICE),
                Field(
                    "description",
                    N_("Description"),
                    Shape.LONG,
                    N_("Short, for the list in the shop"),
                    True,
                    "",
                ),
                Field("long_description", N_("Long description"), Shape.LONG, N_("For its own page"), True),
                Field("tags", N_("Tags"), Shape.LINES, N_("One on each line"), True, []),
            ),
        ),
        (
            N_("How it is shown"),
            (
                Field("icon", N_("Address of its icon"), clears=True),
                Field("documentation", N_("Address of its documentation"), clears=True),
                Field("is_public", N_("Shown to everybody"), Shape.TICK),
                Field("is_featured", N_("Stands first"), Shape.TICK),
                _PLACE,
            ),
        ),
    ),
)
PLAN_FORM = Form(
    PLAN,
    (
        (
            N_("What it is"),
            (
                Field("name", N_("Name")),
                Field("description", N_("Description"), Shape.LONG, clears=True),
                Field("features", N_("What it offers"), Shape.LINES, N_("One on each line"), True, []),
                Field("is_popular", N_("Marked as popular"), Shape.TICK),
                _PLACE,
            ),
        ),
        (
            N_("What it gives"),
            (
                Field("cpu_milli", N_("CPU in thousandths"), Shape.NUMBER, N_("1000 is one CPU")),
                Field("memory_mb", N_("Memory in MB"), Shape.NUMBER),
                Field("storage_gb", N_("Disk in GB"), Shape.NUMBER, N_("0 only where nothing is kept")),
                Field("bandwidth", N_("Traffic in GB"), Shape.NUMBER, N_("Shown, not measured")),
                Field("max_domains", N_("Own domains"), Shape.NUMBER),
                Field("max_instances_per_user", N_("Instances of a customer"), Shape.NUMBER),
            ),
        ),
    ),
)
NEW_PLAN_FORM = Form(
    PLAN,
    (
        *PLAN_FORM.groups,
        (
            N_("Where it stands"),
            (
                Field("plan_type", N_("Tier"), Shape.CHOICE),
                Field("monthly_price", N_("Price a month in rupiah"), Shape.NUMBER),
                Field("total_quota", N_("Slots"), Shape.NUMBER, N_("How many customers can have it at once")),
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
        return whole_number(text, _(field.label))
    if field.shape is Shape.LINES:
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _chosen(field, text) if field.shape is Shape.CHOICE else text


def _chosen(field: Field, text: str) -> Any:
    if field.name != "plan_type":
        return parse_id(text)
    try:
        return PlanType(text)
    except ValueError:
        label = _(field.label)
        raise BadTermsOfSale(f"{label}: choose one.") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
