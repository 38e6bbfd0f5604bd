"""Refusals of the catalogue."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


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


class SlugTaken(Conflict):
    """Another service has this slug."""

    code = "catalog.slug_taken"
    default_message = "A service with this slug already exists"


class PlanTypeTaken(Conflict):
    """The service has a plan of this type already."""

    code = "catalog.plan_type_taken"
    default_message = "A plan of this type already exists for this service"


class CategoryTaken(Conflict):
    """Another category has this name or slug."""

    code = "catalog.category_taken"
    default_message = "A category with this name or slug already exists"


class ServiceInUse(Conflict):
    """Subscriptions or coupons refer to the service; what customers bought is never deleted with it."""

    code = "catalog.service_in_use"
    default_message = "Subscriptions or coupons refer to this service; deactivate it instead of deleting it"


class PlanInUse(Conflict):
    """Subscriptions, present or past, refer to the plan."""

    code = "catalog.plan_in_use"
    default_message = "Subscriptions refer to this plan; deactivate it instead of deleting it"


class CategoryInUse(Conflict):
    """Services or categories are in the category."""

    code = "catalog.category_in_use"
    default_message = "Services or other categories are in this category; move them first"


class SlugInUse(Conflict):
    """Subscriptions run on the recipe that the slug names, or their data are kept for it."""

    code = "catalog.slug_in_use"
    default_message = "The slug names the recipe of instances that customers have; it cannot change any more"


class CategoryCycle(RuleBroken):
    """A category cannot lie within itself."""

    code = "catalog.category_cycle"
    default_message = "A category cannot be put into itself or into one of its own"


class NothingToRun(RuleBroken):
    """A service without a recipe cannot be offered."""

    code = "catalog.nothing_to_run"
    default_message = "There is no recipe of this name; keep the service inactive"


class BadServiceTerms(RuleBroken):
    """What was said about a service does not fit together."""

    code = "catalog.bad_service_terms"
    default_message = "The service cannot be kept like this"


class PlanDoesNotFit(RuleBroken):
    """The application does not run within what the plan gives it."""

    code = "catalog.plan_does_not_fit"
    default_message = "The application does not run within this plan"


class QuotaBelowUse(RuleBroken):
    """More slots are taken than the plan would have."""

    code = "catalog.quota_below_use"
    default_message = "More subscriptions of this plan are active than it would have slots"


class QuotasRefused(RuleBroken):
    """One of several quotas cannot be set; none of them was."""

    code = "catalog.quotas_refused"
    default_message = "No quota was changed: some of them cannot be set"


class QuotaNamedTwice(RuleBroken):
    """The same plan is there twice, so it is not clear what is wanted."""

    code = "catalog.quota_named_twice"
    default_message = "A plan may be named once only"


class NothingGiven(RuleBroken):
    """A change without anything to change."""

    code = "catalog.nothing_given"
    default_message = "At least one field must be provided for update"


class BadTermsOfSale(RuleBroken):
    """A text or a number that is said about a category, service or plan is out of bounds."""

    code = "catalog.bad_terms_of_sale"
    default_message = "This cannot be kept like this"
