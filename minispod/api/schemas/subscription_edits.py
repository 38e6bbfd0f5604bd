"""Figures and edits of subscriptions, on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import SOMETIMES, AnswerSchema, Blank, Timestamp, WireSchema
from minispod.api.schemas.staff_subscriptions import OwnerNameOut
from minispod.api.schemas.subscriptions import SubscriptionOut
from minispod.api.schemas.wallet import WireTime
from minispod.subscriptions.states import SubscriptionStatus

_MOST_MONEY = 100_000_000


class FiguresQuery(WireSchema):
    """When they were ordered: from, to; without either, all of them."""

    start_date = WireTime(load_default=None)
    end_date = WireTime(is_end=True, load_default=None)


class FiguresOverviewOut(AnswerSchema):
    """How many; the rate is in per cent, to two decimals."""

    total_subscriptions = fields.Integer()
    active_subscriptions = fields.Integer()
    cancelled_subscriptions = fields.Integer()
    cancellation_rate = fields.Float()


class FiguresRevenueOut(AnswerSchema):
    """What active subscriptions that renew by themselves bring in each month, in rupiah."""

    monthly_recurring_revenue = fields.Integer()
    average_revenue_per_user = fields.Integer()


class FiguresOfServiceOut(AnswerSchema):
    """The part of one service."""

    service_id = fields.String()
    service_name = fields.String()
    count = fields.Integer()
    active = fields.Integer()
    monthly_recurring_revenue = fields.Integer()


class FiguresOfPlanOut(AnswerSchema):
    """The part of one plan."""

    plan_id = fields.String()
    plan_name = fields.String()
    service_name = fields.String()
    count = fields.Integer()
    active = fields.Integer()
    monthly_recurring_revenue = fields.Integer()


class FiguresBreakdownOut(AnswerSchema):
    """The parts of all."""

    by_status = fields.Dict(keys=fields.String(), values=fields.Integer())
    by_service = fields.List(fields.Nested(FiguresOfServiceOut))
    by_plan = fields.List(fields.Nested(FiguresOfPlanOut))


class SubscriptionFiguresOut(AnswerSchema):
    """Subscriptions in figures."""

    overview = fields.Nested(FiguresOverviewOut)
    revenue = fields.Nested(FiguresRevenueOut)
    breakdown = fields.Nested(FiguresBreakdownOut)


class EditIn(WireSchema):
    """What is to be changed. Only `autoRenew` and `failedCharges` are; the others may be sent back as they are."""

    status = fields.Enum(SubscriptionStatus, by_value=True)
    start_date = WireTime()
    end_date = WireTime()
    next_billing = WireTime(allow_none=True)
    last_billed = WireTime(allow_none=True)
    monthly_price = fields.Integer(strict=True, validate=validate.Range(0, _MOST_MONEY))
    last_charge_amount = fields.Integer(strict=True, validate=validate.Range(0, _MOST_MONEY))
    failed_charges = fields.Integer(strict=True, validate=validate.Range(0, 10))
    auto_renew = fields.Boolean()
    grace_period_end = WireTime(allow_none=True)
    reason = Blank(validate=validate.Length(10, 500))


class EditActionOut(AnswerSchema):
    """Who changed what, and why if that was said."""

    updated_by = fields.String()
    admin_name = fields.String()
    timestamp = Timestamp()
    reason = fields.String(metadata=SOMETIMES)
    changes = fields.List(fields.String())


class BeforeEditOut(AnswerSchema):
    """How it was."""

    id = fields.String()
    status = fields.String(attribute="status.value")
    end_date = Timestamp()
    next_billing = Timestamp(allow_none=True)
    auto_renew = fields.Boolean()
    monthly_price = fields.Integer()


class EditedSubscriptionOut(SubscriptionOut):
    """The subscription as it is now, with its owner."""

    user = fields.Nested(OwnerNameOut)


class EditedOut(AnswerSchema):
    """What came of an edit, field by field; `(auto-updated)` is what follows from another field."""

    subscription = fields.Nested(EditedSubscriptionOut)
    changes = fields.List(fields.String())
    fields_updated = fields.List(fields.String())
    admin_action = fields.Nested(EditActionOut)
    original_subscription = fields.Nested(BeforeEditOut)
