"""Refusals of the catalogue."""

from minispod.kernel.errors import Conflict, NotFound


class NoSuchService(NotFound):
    """No service of this name is for sale."""

    code = "catalog.no_such_service"
    default_message = "Service not found"


class NoSuchCategory(NotFound):
    """There is no such category."""

    code = "catalog.no_such_category"
    default_message = "Category not found"


class NoSuchPlan(NotFound):
    """No such plan is for sale."""

    code = "catalog.no_such_plan"
    default_message = "Plan not found or not available"


class PlanSoldOut(Conflict):
    """All slots of the plan are taken."""

    code = "catalog.plan_sold_out"
    default_message = "This plan is sold out at the moment"


class SeedConflict(Conflict):
    """The seed file contradicts what is in the catalogue."""

    code = "catalog.seed_conflict"
    default_message = "The seed contradicts the catalogue."
