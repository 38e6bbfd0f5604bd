"""Recipes: how each application is run, what is wrong with its file, and what runs by it. They are only read here."""

from typing import Any

from flask import render_template

from minispod.admin.door import door
from minispod.catalog.recipes import all_recipes, get_recipe
from minispod.catalog.recipes.shelf import inspect
from minispod.insights import recipes_in_use


@door.get("/catalogue/recipes")
def recipes_list() -> Any:
    """List recipes; each file is read and checked anew."""
    recipes = all_recipes()
    return render_template(
        "admin/catalogue/recipes.html",
        recipes=recipes,
        uses=recipes_in_use.uses([each.slug for each in recipes]),
        inspections={each.slug: inspect(each.slug) for each in recipes},
    )


@door.get("/catalogue/recipes/<slug>")
def recipe(slug: str) -> Any:
    """Show one recipe: versions, images, values, its file, and what the check finds."""
    found = get_recipe(slug)
    return render_template(
        "admin/catalogue/recipe.html",
        recipe=found,
        use=recipes_in_use.uses([slug])[slug],
        inspection=inspect(slug),
    )
