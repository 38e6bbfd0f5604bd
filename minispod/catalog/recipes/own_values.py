"""Which values of its environment a customer may set, as the recipe says. Pure.

Never what decides where data lie or where the application is reached, never a generated secret, and nothing that
changes how programs are started. Only the application's own container has such values.
"""

import re
import unicodedata
from collections.abc import Mapping
from fnmatch import fnmatchcase

from minispod.catalog.recipes.schema import AppRecipe

MOST_VALUES = 50
LONGEST_VALUE = 4096
"""Bytes of one value, in UTF-8."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# What programs and the cluster itself go by.
_RESERVED = (
    "PATH",
    "HOME",
    "HOSTNAME",
    "PWD",
    "SHELL",
    "USER",
    "IFS",
    "ENV",
    "BASH_ENV",
    "LD_*",
    "KUBERNETES_*",
    "MINISPOD_*",
)
# Official images read a value from a file named by the same name with one of these endings.
_FROM_FILE = ("__FILE", "_FILE")


def refusal_of(recipe: AppRecipe, name: str, value: str) -> str | None:
    """Say why a value may not be set; None when it may."""
    return name_refusal(recipe, name) or _value_refusal(recipe, name, value)


def name_refusal(recipe: AppRecipe, name: str) -> str | None:
    """Say why nothing of this name may be set; None when it may."""
    if name in recipe.editable:
        return None
    if not _NAME.fullmatch(name):
        return "is no name: use up to 100 letters, digits and _, and begin with a letter"
    if not recipe.extra_environment:
        return "cannot be set: this application takes no further values"
    if _is_taken(recipe, name):
        return "is set by the platform and cannot be changed"
    return None


def allowed(recipe: AppRecipe, values: Mapping[str, str]) -> dict[str, str]:
    """Keep what the recipe still allows: a newer version of it may need a name for itself."""
    return {name: value for name, value in values.items() if refusal_of(recipe, name, value) is None}


def _is_taken(recipe: AppRecipe, name: str) -> bool:
    # Some applications do not tell GITEA__security__ from GITEA__SECURITY__.
    plain = name.upper()
    meant = {plain, *(plain.removesuffix(ending) for ending in _FROM_FILE)}
    own = (each for container in recipe.containers.values() for each in container.environment)
    taken = [each.upper() for each in (*own, *_RESERVED, *recipe.reserved)]
    return any(fnmatchcase(each, pattern) for each in meant for pattern in taken)


def _value_refusal(recipe: AppRecipe, name: str, value: str) -> str | None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "is not valid text"
    if size > LONGEST_VALUE:
        return f"is too long: at most {LONGEST_VALUE} bytes"
    if any(unicodedata.category(character) == "Cc" for character in value):
        return "must not contain line breaks or other control characters"
    offer = recipe.editable.get(name)
    if offer is not None and offer.pattern is not None and not re.fullmatch(offer.pattern, value):
        return "is not in the form that this setting takes"
    return None
