"""The recipes that come with the program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from minispod.catalog.recipes.reading import Problem, RecipeBroken, load_recipes, read_recipe
from minispod.catalog.recipes.schema import AppRecipe
from minispod.kernel.errors import NotFound

RECIPE_FILES = Path(__file__).parents[1] / "recipe_files"


class NoSuchRecipe(NotFound):
    """There is no recipe for this service."""

    code = "catalog.no_such_recipe"
    default_message = "This service cannot be provisioned."


@cache
def _shipped() -> Mapping[str, AppRecipe]:
    return load_recipes(RECIPE_FILES)


def all_recipes() -> tuple[AppRecipe, ...]:
    """List the recipes that come with the program."""
    return tuple(_shipped().values())


def get_recipe(slug: str) -> AppRecipe:
    """Find the recipe of a service; NoSuchRecipe when there is none."""
    recipe = _shipped().get(slug)
    if recipe is None:
        raise NoSuchRecipe(slug=slug)
    return recipe


@dataclass(frozen=True, slots=True)
class Inspection:
    """A recipe's file as it is on the disk now: its lines, what is wrong with it, and whether it is what runs."""

    lines: Sequence[str]
    problems: Sequence[Problem]
    is_in_use: bool


def inspect(slug: str) -> Inspection:
    """Read a recipe's file anew, and check it if it says something new; NoSuchRecipe when there is none."""
    recipe = get_recipe(slug)
    path = RECIPE_FILES / f"{slug}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return Inspection((), [Problem(1, "file", "is gone; what runs was read before")], is_in_use=False)
    except UnicodeDecodeError as error:
        return Inspection((), [Problem(1, "file", f"cannot be read as text: {error}")], is_in_use=False)
    try:
        return Inspection(text.splitlines(), (), is_in_use=read_recipe(text, path.name) == recipe)
    except RecipeBroken as broken:
        return Inspection(text.splitlines(), broken.problems, is_in_use=False)
