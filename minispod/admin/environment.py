"""The settings the program runs with: what each is, its value unless it is secret, and where it is changed."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from minispod.admin import pages
from minispod.admin.door import door
from minispod.ports import current_settings
from minispod.settings import Settings
from minispod.settings.shapes import Group
from minispod.settings_table import is_secret, variable_of

# Addresses that often carry a secret in their path.
_HIDDEN = frozenset({"ALERT_WEBHOOK_URL"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting; `value` is None for a secret, of which only is said whether it is there."""

    variable: str
    value: str | None
    is_set: bool
    is_default: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """The settings of one matter."""

    name: str
    title: str
    settings: list[Shown]


@door.get("/settings")
def settings_page() -> Any:
    """Show every setting; nothing here can be changed while the program runs."""
    search = pages.search_text().lower()
    groups = [_group(name, getattr(current_settings(), name), search) for name in Settings.__annotations__]
    return pages.page_or_fragment(
        "admin/settings/page.html",
        "admin/settings/_list.html",
        groups=[group for group in groups if group.settings],
        search=search,
        is_production=current_settings().is_production,
    )


def _group(name: str, group: Group, search: str) -> ShownGroup:
    shown = [_shown(key, field, getattr(group, key)) for key, field in type(group).model_fields.items()]
    found = [each for each in shown if search in f"{each.variable} {each.meaning}".lower()]
    return ShownGroup(name, (type(group).__doc__ or name).strip().splitlines()[0].rstrip("."), found)


def _shown(name: str, field: FieldInfo, value: Any) -> Shown:
    variable = variable_of(name, field)
    secret = is_secret(variable, field) or not field.repr or variable in _HIDDEN
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return Shown(
        variable,
        None if secret else _in_words(plain),
        plain not in (None, "", ()),
        value == field.default,
        field.description or "",
    )


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list | frozenset | set):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
