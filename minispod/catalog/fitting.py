"""Whether an application runs within what a plan gives it. Pure."""

from minispod.catalog.errors import PlanDoesNotFit
from minispod.catalog.models import Plan
from minispod.catalog.recipes import AppRecipe


def check_fit(plan: Plan, recipe: AppRecipe) -> None:
    """Refuse PlanDoesNotFit for a plan on sale that is too small for its recipe (decision 6: 0 GB keeps no data)."""
    if not plan.is_active:
        return
    if plan.memory_mb < recipe.min_memory_mb:
        raise PlanDoesNotFit(
            f"{recipe.title} needs at least {recipe.min_memory_mb} MB of memory; {plan.name} has {plan.memory_mb}"
        )
    if recipe.keeps_data and plan.storage_gb < 1:
        raise PlanDoesNotFit(f"{recipe.title} keeps data: {plan.name} needs at least 1 GB of storage")
