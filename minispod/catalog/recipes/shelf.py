"""The recipes that come with the program."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from minispod.catalog.recipes.reading import load_recipes
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
