"""Rounds of the calendar by hand, on the wire: what staff ask for, and what came of it."""

from marshmallow import fields, validate

from minispod.api.schemas.base import (
    AnswerSchema,
    Blank,
    BlankInteger,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.api.schemas.subscriptions import SubscriptionOut

REASON_UNSAID = "Expired by an administrator"


class BillingStatsOut(AnswerSchema):
    """Charging in figures; `monthlyRevenue` is what this month earned, refunds taken off."""

    total_active_subscriptions = fields.Integer(metadata={"description": "Active and renewing by themselves"})
    subscriptions_due_for_renewal = fields.Integer()
    subscriptions_in_grace_period = fields.Integer()
    monthly_revenue = fields.Integer()
    monthly_recurring_revenue = fields.Integer()
    failed_renewals = fields.Integer()
    last_updated = Timestamp()


class NotRenewedOut(AnswerSchema):
    """One subscription of a round that was not renewed, and why."""

    subscription_id = fields.String()
    user_id = fields.String()
    user_email = fields.String()
    error = fields.String()


class RoundOut(AnswerSchema):
    """What came of a round; `queued` go on in the background."""

    processed = fields.Integer()
    queued = fields.Integer()
    errors = fields.List(fields.Nested(NotRenewedOut))


class RenewalsOut(RoundOut):
    """What came of renewing all that is due; renewals keep their slot, so that no quota is exceeded by one."""

    successful = fields.Integer()
    failed = fields.Integer()
    insufficient_credit = fields.Integer()
    quota_exceeded = fields.Integer()


class GracesOut(RoundOut):
    """What came of looking at the payment graces that are over."""

    expired = fields.Integer()
    renewed = fields.Integer()


class RemindersOut(RoundOut):
    """How many notices were queued; one that was sent today is not sent again."""

    successful = fields.Integer()
    failed = fields.Integer()


class JobResultOut(RenewalsOut, GracesOut, BillingStatsOut):
    """The result of whichever job was run: the keys of that job's own endpoint."""


class JobStatusOut(AnswerSchema):
    """Charging in the background: kinds of work that wait or run, and whether clock and worker are alive."""

    is_running = fields.Boolean()
    active_jobs = fields.List(fields.String())
    job_count = fields.Integer()


class OwnerWithCreditOut(AnswerSchema):
    """Whose subscription it is, and what the wallet holds."""

    id = fields.String()
    name = fields.String()
    email = fields.String()
    credit_balance = fields.Integer()


class ShortSubscriptionOut(SubscriptionOut):
    """A subscription whose renewal is not covered."""

    user = fields.Nested(OwnerWithCreditOut)


class LowCreditOut(AnswerSchema):
    """A page of subscriptions whose renewal is not covered; `count` is all of them."""

    subscriptions = fields.List(fields.Nested(ShortSubscriptionOut))
    count = fields.Integer()
    pagination = fields.Nested(PaginationOut)


class LowCreditQuery(PageQuery):
    """Which page is wanted."""


class GraceIn(WireSchema):
    """How many days from now the payment grace shall last."""

    grace_days = BlankInteger(
        strict=True,
        load_default=None,
        validate=validate.Range(min=1, max=1000),
        metadata={"description": "7 unless said otherwise"},
    )


class ExpiryIn(WireSchema):
    """Why the service ends before its time."""

    reason = Blank(load_default=REASON_UNSAID, validate=validate.Length(3, 500))


class OneSubscriptionOut(AnswerSchema):
    """The subscription as it is now."""

    subscription = fields.Nested(SubscriptionOut)
