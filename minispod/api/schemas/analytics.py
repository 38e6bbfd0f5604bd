"""Reports for administrators on the wire. Money is in rupiah, shares are whole percents."""

from datetime import UTC, date, datetime
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from minispod.api.schemas.base import AnswerSchema, Timestamp, WireSchema
from minispod.insights.spans import PeriodName

_PERIODS = "must be one of: 7d, 30d, 90d, 1y"


class PeriodQuery(WireSchema):
    """The days that are reported on; today is the last of them."""

    period = fields.Enum(
        PeriodName, by_value=True, load_default=PeriodName.MONTH, error_messages={"unknown": _PERIODS}
    )


class WireDay(fields.Field[date | datetime | None]):
    """A day: its date, or an instant of it in ISO 8601 (without a zone: UTC). Blank is not set."""

    default_error_messages = {"invalid": "Not a date or an instant in ISO 8601."}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"type": "string", "examples": ["2026-11-20"]})
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date | datetime | None:
        text = value.strip() if isinstance(value, str) else ""
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if len(text) <= len("2026-11-20") else datetime.fromisoformat(text)
        except ValueError:
            raise self.make_error("invalid") from None
        if not 2000 <= day.year <= 2999:
            raise self.make_error("invalid")
        return day.replace(tzinfo=UTC) if isinstance(day, datetime) and not day.tzinfo else day


class RevenueQuery(PeriodQuery):
    """The days that are reported on: a period that ends today, or from one day to another, both included."""

    start_date = WireDay(load_default=None)
    end_date = WireDay(load_default=None)

    @validates_schema
    def _both_or_none(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data.get("start_date") is None) != (data.get("end_date") is None):
            raise ValidationError({"startDate": ["goes together with endDate"]})


class RevenueSummaryOut(AnswerSchema):
    """Money of the span. Top-ups are credit that was bought: revenue only when it is spent, so not in the total."""

    total_revenue = fields.Integer(metadata={"description": "What was charged, before refunds"})
    subscription_revenue = fields.Integer(metadata={"description": "Subscriptions and upgrades"})
    top_up_revenue = fields.Integer(metadata={"description": "Credit bought, less what was taken back"})
    refund_amount = fields.Integer(metadata={"description": "What of the charges went back to wallets"})
    net_revenue = fields.Integer()


class ServiceRevenueOut(AnswerSchema):
    """What was charged for one service."""

    service_id = fields.String()
    service_name = fields.String()
    revenue = fields.Integer()
    transaction_count = fields.Integer()


class DayRevenueOut(AnswerSchema):
    """One calendar day of the business, written as its midnight in UTC."""

    date = Timestamp()
    revenue = fields.Integer()
    refunds = fields.Integer()
    net_revenue = fields.Integer()
    transaction_count = fields.Integer()


class RevenueReportOut(AnswerSchema):
    """Revenue of the span; the newest thirty days one by one, newest first."""

    summary = fields.Nested(RevenueSummaryOut)
    by_service = fields.List(fields.Nested(ServiceRevenueOut))
    daily_breakdown = fields.List(fields.Nested(DayRevenueOut))


class RevenueOut(AnswerSchema):
    """Revenue of a span."""

    revenue_analytics = fields.Nested(RevenueReportOut)


class SubscriptionSummaryOut(AnswerSchema):
    """Subscriptions in figures; churn is the share of those live in the span that ended in it."""

    total = fields.Integer()
    active = fields.Integer()
    expired = fields.Integer()
    cancelled = fields.Integer()
    new_in_period = fields.Integer()
    churn_rate = fields.Integer()
    monthly_recurring_revenue = fields.Integer()


class ServiceShareOut(AnswerSchema):
    """How many live subscriptions one service has."""

    service_id = fields.String()
    service_name = fields.String()
    subscription_count = fields.Integer()


class PlanShareOut(AnswerSchema):
    """How many live subscriptions one plan has."""

    plan_id = fields.String()
    plan_name = fields.String()
    service_name = fields.String()
    subscription_count = fields.Integer()


class SubscriptionReportOut(AnswerSchema):
    """Subscriptions, and how the live ones spread."""

    summary = fields.Nested(SubscriptionSummaryOut)
    by_service = fields.List(fields.Nested(ServiceShareOut))
    by_plan = fields.List(fields.Nested(PlanShareOut))


class SubscriptionAnalyticsOut(AnswerSchema):
    """Subscriptions of a span."""

    subscription_analytics = fields.Nested(SubscriptionReportOut)


class UserSummaryOut(AnswerSchema):
    """Accounts in figures; active ones signed in within the span, conversion is the share that ever ordered."""

    total = fields.Integer()
    new_in_period = fields.Integer()
    active = fields.Integer()
    with_subscriptions = fields.Integer()
    with_balance = fields.Integer()
    conversion_rate = fields.Integer()


class SpenderOut(AnswerSchema):
    """A customer who spent much."""

    id = fields.String()
    email = fields.String()
    name = fields.String()
    total_spent = fields.Integer()
    credit_balance = fields.Integer()
    active_subscriptions = fields.Integer()


class GrowthOut(AnswerSchema):
    """One calendar day of the business, written as its midnight in UTC, and who came on it."""

    date = Timestamp()
    new_users = fields.Integer()


class UserReportOut(AnswerSchema):
    """Accounts, the ten who spent most, and the days of the span, oldest first."""

    summary = fields.Nested(UserSummaryOut)
    top_spenders = fields.List(fields.Nested(SpenderOut))
    growth = fields.List(fields.Nested(GrowthOut))


class UserAnalyticsOut(AnswerSchema):
    """Accounts of a span."""

    user_analytics = fields.Nested(UserReportOut)


class ControlSummaryOut(AnswerSchema):
    """Instances that are not deleted, and how many changed their status within the span."""

    total_instances = fields.Integer()
    recent_status_changes = fields.Integer()


class StatusShareOut(AnswerSchema):
    """How many instances have one status."""

    status = fields.String()
    count = fields.Integer()


class InstanceShareOut(AnswerSchema):
    """How many instances one service has."""

    service_id = fields.String()
    service_name = fields.String()
    instance_count = fields.Integer()


class ControlReportOut(AnswerSchema):
    """Instances, and how they spread."""

    summary = fields.Nested(ControlSummaryOut)
    by_status = fields.List(fields.Nested(StatusShareOut))
    by_service = fields.List(fields.Nested(InstanceShareOut))


class ServiceControlOut(AnswerSchema):
    """Instances of a span."""

    service_control_metrics = fields.Nested(ControlReportOut)


class DashboardSummaryOut(AnswerSchema):
    """The tiles; `revenue30d` is what was charged within 30 days, `netRevenue30d` what of it stays."""

    revenue30d = fields.Integer(data_key="revenue30d")
    net_revenue30d = fields.Integer(data_key="netRevenue30d")
    total_users = fields.Integer()
    active_subscriptions = fields.Integer()
    total_instances = fields.Integer()


class AlertsOut(AnswerSchema):
    """What should be looked at: subscribers with little credit, plans that are nearly sold out."""

    low_balance_users = fields.Integer()
    critical_quota_plans = fields.Integer()


class WhoOut(AnswerSchema):
    """Whose transaction it is."""

    name = fields.String()
    email = fields.String()


class RecentTransactionOut(AnswerSchema):
    """One of the newest transactions."""

    id = fields.String()
    custom_id = fields.String()
    type = fields.String()
    amount = fields.Integer()
    status = fields.String()
    user = fields.Nested(WhoOut)
    created_at = Timestamp()


class RecentActivityOut(AnswerSchema):
    """What moved last."""

    transactions = fields.List(fields.Nested(RecentTransactionOut))


class DashboardBodyOut(AnswerSchema):
    """The first page of the administration."""

    summary = fields.Nested(DashboardSummaryOut)
    alerts = fields.Nested(AlertsOut)
    recent_activity = fields.Nested(RecentActivityOut)


class DashboardOut(AnswerSchema):
    """The first page of the administration."""

    dashboard_analytics = fields.Nested(DashboardBodyOut)
