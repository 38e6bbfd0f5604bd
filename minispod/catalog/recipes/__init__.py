"""Recipes: how an application is run, one readable YAML file each (docs/recipes.md), checked when loaded.

A recipe knows no customer and no cluster. It never leaves the server (decision 4): the shop shows
what curation writes, not what is here. A third party adds an application by adding a file.
"""

from minispod.catalog.recipes.reading import Problem, RecipeBroken, load_recipe, load_recipes
from minispod.catalog.recipes.schema import APP, AppRecipe, Container, Editable, Probe, Rotation
from minispod.catalog.recipes.shelf import RECIPE_FILES, NoSuchRecipe, all_recipes, get_recipe
from minispod.catalog.recipes.values import (
    connection_examples,
    connection_strings,
    environment,
    first_login,
    generate_secret,
    generate_secrets,
    login_values,
    rotation_of,
)

__all__ = [
    "APP",
    "RECIPE_FILES",
    "AppRecipe",
    "Container",
    "Editable",
    "NoSuchRecipe",
    "Probe",
    "Problem",
    "RecipeBroken",
    "Rotation",
    "all_recipes",
    "connection_examples",
    "connection_strings",
    "environment",
    "first_login",
    "generate_secret",
    "generate_secrets",
    "get_recipe",
    "load_recipe",
    "load_recipes",
    "login_values",
    "rotation_of",
]
