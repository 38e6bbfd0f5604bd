"""The slots of plans, and the catalogue in figures, on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import (
    AnswerSchema,
    Blank,
    BlankEnum,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.api.schemas.catalog import ServiceOut
from minispod.api.schemas.categories import Given, WholeNumber
from minispod.api.schemas.staff_catalog import ServiceRefOut, StaffPlanOut
from minispod.catalog.queries import Level


class QuotaIn(WireSchema):
    """How many slots a plan has, and why."""

    total_quota = WholeNumber(required=True, allow_none=False, validate=validate.Range(0, 10_000))
    reason = Given(validate=validate.Length(5, 500))


class OneQuotaIn(WireSchema):
    """How many slots one of several plans has."""

    plan_id = Given(validate=validate.Length(max=64))
    total_quota = WholeNumber(required=True, allow_none=False, validate=validate.Range(0, 10_000))


class QuotasIn(WireSchema):
    """The slots of several plans, and why."""

    updates = fields.List(fields.Nested(OneQuotaIn), required=True, validate=validate.Length(1, 50))
    reason = Given(validate=validate.Length(5, 500))


class QuotaQuery(PageQuery):
    """Which plans are wanted in the overview."""

    search = Blank(load_default=None, validate=validate.Length(max=100))
    status = BlankEnum(Level, load_default=None)


class BareServiceOut(ServiceOut):
    """A service without its plans."""

    class Meta(AnswerSchema.Meta):
        """A plan's slots are shown, not the other plans."""

        exclude = ("plans", "category")


class TotalOut(AnswerSchema):
    """How many there are."""

    total = fields.Integer()


class ServiceTotalsOut(TotalOut):
    """How many services there are."""

    active = fields.Integer()
    inactive = fields.Integer()


class CategoryTotalOut(AnswerSchema):
    """How many services a category holds."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()
    service_count = fields.Integer()


class CatalogFiguresOut(AnswerSchema):
    """The catalogue in figures."""

    services = fields.Nested(ServiceTotalsOut)
    subscriptions = fields.Nested(TotalOut)
    instances = fields.Nested(TotalOut)
    categories = fields.List(fields.Nested(CategoryTotalOut))


class CatalogStatisticsOut(AnswerSchema):
    """The catalogue in figures."""

    statistics = fields.Nested(CatalogFiguresOut)


class SlotsOut(AnswerSchema):
    """The slots of all plans; utilization is in percent."""

    total_plans = fields.Integer()
    total_quota = fields.Integer()
    total_used_quota = fields.Integer()
    total_available_quota = fields.Integer()
    overall_utilization = fields.Integer()


class FullPlanOut(AnswerSchema):
    """A plan that is nearly or quite sold out."""

    id = fields.String()
    name = fields.String()
    service_name = fields.String()
    utilization = fields.Integer()


class QuotaAlertsOut(AnswerSchema):
    """Plans of which 90 % (critical) or 75 % (warning) are taken; the fullest hundred of each are listed."""

    critical_plans = fields.Integer()
    warning_plans = fields.Integer()
    critical_plans_list = fields.List(fields.Nested(FullPlanOut))
    warning_plans_list = fields.List(fields.Nested(FullPlanOut))


class QuotaFiguresOut(AnswerSchema):
    """How full the plans are."""

    overview = fields.Nested(SlotsOut)
    alerts = fields.Nested(QuotaAlertsOut)


class QuotaStatisticsOut(AnswerSchema):
    """How full the plans are."""

    statistics = fields.Nested(QuotaFiguresOut)


class PlanSlotsOut(AnswerSchema):
    """The slots of one plan in the overview."""

    plan_id = fields.String()
    plan_name = fields.String()
    service = fields.Nested(ServiceRefOut)
    total_quota = fields.Integer()
    used_quota = fields.Integer()
    available_quota = fields.Integer()
    utilization_percentage = fields.Integer()
    status = fields.Enum(Level, by_value=True)


class QuotaOverviewOut(AnswerSchema):
    """A page of plans with their slots."""

    quota_overview = fields.List(fields.Nested(PlanSlotsOut))
    pagination = fields.Nested(PaginationOut)


class PlanOfQuotaOut(AnswerSchema):
    """The plan whose slots are shown."""

    id = fields.String()
    name = fields.String()
    service = fields.Nested(BareServiceOut)


class QuotaOut(AnswerSchema):
    """The slots of a plan."""

    total = fields.Integer()
    used = fields.Integer()
    available = fields.Integer()
    utilization_percentage = fields.Integer()


class HolderOut(AnswerSchema):
    """Who holds a slot."""

    id = fields.String()
    email = fields.String()
    name = fields.String()


class SlotHolderOut(AnswerSchema):
    """A subscription that holds a slot."""

    id = fields.String()
    user = fields.Nested(HolderOut)
    status = fields.String()
    created_at = Timestamp()
    next_billing = Timestamp(allow_none=True)


class QuotaDetailsOut(AnswerSchema):
    """The slots of one plan, and who holds them: the newest hundred."""

    plan = fields.Nested(PlanOfQuotaOut)
    quota = fields.Nested(QuotaOut)
    active_subscriptions = fields.List(fields.Nested(SlotHolderOut))


class ShownQuotaOut(AnswerSchema):
    """The slots of one plan."""

    quota_details = fields.Nested(QuotaDetailsOut)


class PlanWithServiceOut(StaffPlanOut):
    """A plan with its service."""

    service = fields.Nested(BareServiceOut)


class ChangedQuotaOut(AnswerSchema):
    """A plan after its slots were set."""

    plan = fields.Nested(PlanWithServiceOut)


class ChangedQuotasOut(AnswerSchema):
    """Plans after their slots were set."""

    updated_plans = fields.List(fields.Nested(StaffPlanOut))
