"""Other people's things are 404 (decision 41): every read that a customer's door calls knows who asks.

The doors are read as source: whatever they call of the packages with owned rows takes the actor or the owner's id.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from minispod import api

OWNED = ("backups", "instances", "subscriptions", "payments", "promotions", "tickets", "wallet", "insights")
READS = ("get_", "find_", "list_", "show_", "lock_")
KNOWS_WHO_ASKS = {"actor", "user_id", "owner_id"}


def doors() -> Iterator[ModuleType]:
    """The modules of the JSON door that customers come through."""
    for found in pkgutil.iter_modules(api.__path__, "minispod.api."):
        if not found.ispkg:
            yield importlib.import_module(found.name)


def calls(door: ModuleType) -> Iterator[Callable[..., Any]]:
    """Every function of our own that the door mentions."""
    tree = ast.parse(Path(str(door.__file__)).read_text())
    for node in ast.walk(tree):
        found = None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            holder = vars(door).get(node.value.id)
            found = vars(holder).get(node.attr) if type(holder) is ModuleType else None
        elif isinstance(node, ast.Name):
            found = vars(door).get(node.id)
        if (
            type(found) is FunctionType
        ):  # isinstance would ask Flask's proxies, which answer in a request only
            yield found


def reads_of_owned_rows() -> dict[str, Callable[..., Any]]:
    return {
        f"{act.__module__}.{act.__name__}": act
        for door in doors()
        for act in calls(door)
        if act.__module__.split(".")[1:2] and act.__module__.split(".")[1] in OWNED
        if act.__name__.startswith(READS)
    }


def test_the_doors_read_owned_rows() -> None:
    assert len(reads_of_owned_rows()) >= 4


def test_every_read_of_owned_rows_knows_who_asks() -> None:
    careless = [
        name
        for name, act in reads_of_owned_rows().items()
        if not KNOWS_WHO_ASKS & set(inspect.signature(act).parameters)
    ]

    assert careless == []
