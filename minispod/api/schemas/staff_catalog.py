"""The catalogue as administrators keep it, on the wire.

Forms send every key, blank ones as "" or null: those mean "not set", and clear what can be cleared.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from marshmallow import fields, validate

from minispod.api.schemas.base import (
    SOMETIMES,
    AnswerSchema,
    Blank,
    BlankEnum,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
    holdable,
)
from minispod.api.schemas.catalog import CategoryRefOut, ServiceOut
from minispod.api.schemas.categories import SLUG, FullCategoryOut, Given, WholeNumber
from minispod.catalog.models import PlanType
from minispod.catalog.queries import PlanOrder, ServiceOrder
from minispod.catalog.terms import PLAN, SERVICE

_PLACES = validate.Range(0, 1_000_000)
_LINK = [
    validate.Length(max=500),
    validate.URL(schemes={"http", "https"}, require_tld=False, error="must be an address with http or https"),
]


class Words(fields.List[str]):
    """A list of short texts; null is an empty one."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        each: list[Callable[[str], object]] = [validate.Length(max=longest), holdable]
        super().__init__(
            fields.String(validate=each), allow_none=True, validate=validate.Length(max=50), **kwargs
        )


class PriceFor(StrEnum):
    """For whom a changed price holds: new customers only, or existing ones after notice too (decision 10)."""

    NEW = "new"
    EXISTING = "existing"


class ServicesQuery(PageQuery):
    """Which services are wanted."""

    search = Blank(load_default=None, validate=validate.Length(max=100))
    category = Blank(load_default=None, validate=validate.Length(max=50))
    status = Blank(load_default=None, validate=validate.OneOf(("active", "inactive")))
    sort_by = fields.Enum(ServiceOrder, by_value=True, load_default=ServiceOrder.CREATED)
    sort_order = fields.String(load_default="desc", validate=validate.OneOf(("asc", "desc")))


class PlansQuery(PageQuery):
    """Which plans are wanted."""

    search = Blank(load_default=None, validate=validate.Length(max=100))
    category = Blank(load_default=None, validate=validate.Length(max=50))
    status = Blank(load_default=None, validate=validate.OneOf(("active", "inactive")))
    service_id = Blank(load_default=None, validate=validate.Length(max=64))
    plan_type = BlankEnum(PlanType, load_default=None)
    sort_by = fields.Enum(PlanOrder, by_value=True, load_default=PlanOrder.CREATED)
    sort_order = fields.String(load_default="desc", validate=validate.OneOf(("asc", "desc")))


class DeleteQuery(WireSchema):
    """`force` of the original deletes subscriptions; here it changes nothing (fault 23)."""

    force = fields.Boolean(load_default=False)


class ServiceTermsIn(WireSchema):
    """What is said about a service. Image, version and port of a service with a recipe are the recipe's."""

    name = Blank(validate=validate.Length(*SERVICE.lengths["name"]))
    slug = Blank(validate=SLUG, metadata={"description": "Names the recipe by which the service is run"})
    description = Blank(validate=validate.Length(*SERVICE.lengths["description"]))
    long_description = Blank(validate=validate.Length(max=SERVICE.lengths["long_description"][1]))
    icon = Blank(validate=_LINK)
    documentation = Blank(validate=_LINK)
    version = Blank(validate=validate.Length(*SERVICE.lengths["version"]))
    docker_image = Blank(validate=validate.Length(*SERVICE.lengths["docker_image"]))
    default_port = WholeNumber(validate=validate.Range(*SERVICE.ranges["default_port"]))
    category_id = Blank(validate=validate.Length(max=64))
    tags = Words(SERVICE.lists["tags"])
    is_active = fields.Boolean(allow_none=True)
    is_public = fields.Boolean(allow_none=True)
    is_featured = fields.Boolean(allow_none=True)
    sort_order = WholeNumber(validate=_PLACES)


class ServiceIn(ServiceTermsIn):
    """A new service."""

    name = Given(validate=validate.Length(*SERVICE.lengths["name"]))
    slug = Given(
        validate=SLUG,
        metadata={"description": "Names the recipe by which the service is run"},
    )
    category_id = Given(validate=validate.Length(max=64))


class PlanTermsIn(WireSchema):
    """What is said about a plan. Storage is whole gigabytes; 0 only where nothing is kept (decision 6)."""

    name = Blank(validate=validate.Length(*PLAN.lengths["name"]))
    description = Blank(validate=validate.Length(*PLAN.lengths["description"]))
    monthly_price = WholeNumber(validate=validate.Range(*PLAN.ranges["monthly_price"]))
    cpu_milli = WholeNumber(validate=validate.Range(*PLAN.ranges["cpu_milli"]))
    memory_mb = WholeNumber(validate=validate.Range(*PLAN.ranges["memory_mb"]))
    storage_gb = WholeNumber(validate=validate.Range(*PLAN.ranges["storage_gb"]))
    bandwidth = WholeNumber(validate=validate.Range(*PLAN.ranges["bandwidth"]))
    total_quota = WholeNumber(validate=validate.Range(*PLAN.ranges["total_quota"]))
    features = Words(PLAN.lists["features"])
    max_instances_per_user = WholeNumber(validate=validate.Range(*PLAN.ranges["max_instances_per_user"]))
    max_domains = WholeNumber(validate=validate.Range(*PLAN.ranges["max_domains"]))
    is_active = fields.Boolean(allow_none=True)
    is_popular = fields.Boolean(allow_none=True)
    sort_order = WholeNumber(validate=_PLACES)


class PlanChangesIn(PlanTermsIn):
    """Changes of a plan; `applyPriceTo` says for whom a changed price holds."""

    apply_price_to = BlankEnum(
        PriceFor,
        load_default=None,
        metadata={
            "description": "`existing`: also for existing subscriptions, from their first renewal at least 14 days "
            "later; their owners are told by mail. `new`: they keep their price, and a rise that was announced is "
            "taken back. Without it a changed price is for `new`, and an unchanged one stays for whom it was"
        },
    )


class PlanIn(PlanTermsIn):
    """A new plan."""

    name = Given(validate=validate.Length(2, 100))
    plan_type = fields.Enum(PlanType, by_value=True, required=True)


class SubscriptionCountOut(AnswerSchema):
    """How many subscriptions, of any state, it has."""

    subscriptions = fields.Integer()


class UtilizationOut(AnswerSchema):
    """How full a plan is: the taken share in percent, and the free slots."""

    percentage = fields.Integer()
    available = fields.Integer()


class StaffPlanOut(AnswerSchema):
    """A plan, on sale or not."""

    id = fields.String()
    service_id = fields.String()
    name = fields.String()
    plan_type = fields.String()
    description = fields.String(allow_none=True)
    monthly_price = fields.Integer()
    is_price_for_all = fields.Boolean()
    cpu_milli = fields.Integer()
    memory_mb = fields.Integer()
    storage_gb = fields.Integer()
    bandwidth = fields.Integer()
    total_quota = fields.Integer()
    used_quota = fields.Integer()
    features = fields.List(fields.String())
    max_instances_per_user = fields.Integer()
    max_domains = fields.Integer()
    is_active = fields.Boolean()
    is_popular = fields.Boolean()
    sort_order = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()


class ListedPlanOut(StaffPlanOut):
    """A plan with what is sold of it."""

    count = fields.Nested(SubscriptionCountOut, data_key="_count")
    utilization = fields.Nested(UtilizationOut)


class StaffServiceOut(ServiceOut):
    """A service, on sale or not. Without a recipe it cannot be offered."""

    class Meta(AnswerSchema.Meta):
        """Plans come in the shape of the administration, or not at all."""

        exclude = ("plans",)

    has_recipe = fields.Boolean()
    category = fields.Nested(FullCategoryOut)


class ServiceWithPlansOut(StaffServiceOut):
    """A service with all its plans."""

    class Meta(AnswerSchema.Meta):
        """Nothing is left out."""

    plans = fields.List(fields.Nested(ListedPlanOut))


class ServiceDetailsOut(ServiceWithPlansOut):
    """A service with all its plans and what is sold of it."""

    count = fields.Nested(SubscriptionCountOut, data_key="_count")


class ListedServiceOut(ServiceDetailsOut):
    """A service in the list."""

    category = fields.Nested(CategoryRefOut)


class ServiceRefOut(AnswerSchema):
    """A service, as a plan names it."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()


class ServicePlaceOut(ServiceRefOut):
    """A service with where it stands."""

    is_active = fields.Boolean()
    category = fields.Nested(CategoryRefOut)


class PlanOfServiceOut(StaffPlanOut):
    """A plan after it was written."""

    service = fields.Nested(ServiceRefOut)


class PlanDetailsOut(ListedPlanOut):
    """One plan."""

    service = fields.Nested(ServiceRefOut)


class PlanInListOut(ListedPlanOut):
    """A plan in the list of all plans."""

    service = fields.Nested(ServicePlaceOut)


class StaffServicesOut(AnswerSchema):
    """A page of services."""

    services = fields.List(fields.Nested(ListedServiceOut))
    pagination = fields.Nested(PaginationOut)


class OneServiceOut(AnswerSchema):
    """A service after it was written."""

    service = fields.Nested(StaffServiceOut)


class ChangedServiceOut(AnswerSchema):
    """A service after it was changed."""

    service = fields.Nested(ServiceWithPlansOut)


class ShownServiceOut(AnswerSchema):
    """One service."""

    service = fields.Nested(ServiceDetailsOut)


class AllPlansOut(AnswerSchema):
    """A page of all plans."""

    plans = fields.List(fields.Nested(PlanInListOut))
    pagination = fields.Nested(PaginationOut)


class PlansOfServiceOut(AnswerSchema):
    """The plans of one service."""

    service = fields.Nested(ServiceRefOut)
    plans = fields.List(fields.Nested(ListedPlanOut))


class OnePlanOut(AnswerSchema):
    """A plan after it was written."""

    plan = fields.Nested(PlanOfServiceOut)


class PriceChangeOut(AnswerSchema):
    """What a change of price means for existing subscriptions."""

    old_price = fields.Integer()
    new_price = fields.Integer()
    applies_to = fields.Enum(PriceFor, by_value=True)
    existing_subscriptions = fields.Integer(
        metadata={"description": "Active subscriptions that pay another price than the plan's at the moment"}
    )


class RepricedPlanOut(OnePlanOut):
    """A plan after it was changed; `priceChange` is there when its price was."""

    price_change = fields.Nested(PriceChangeOut, metadata=SOMETIMES)


class ShownPlanOut(AnswerSchema):
    """One plan."""

    plan = fields.Nested(PlanDetailsOut)
