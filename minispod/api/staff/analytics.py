"""Reports for administrators: /api/v1/admin/analytics. Days are days of the billing time zone. Reads only."""

from typing import Any
from zoneinfo import ZoneInfo

from minispod.api.envelope import Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.analytics import (
    DashboardOut,
    PeriodQuery,
    RevenueOut,
    RevenueQuery,
    ServiceControlOut,
    SubscriptionAnalyticsOut,
    UserAnalyticsOut,
)
from minispod.api.sharing import shared
from minispod.insights import dashboard, reports, revenue, spans
from minispod.insights.revenue import Money
from minispod.insights.spans import Span, wire_day
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules

door = Door("staff_analytics", __name__, url_prefix="/api/v1/admin/analytics", description="Reports")

_DAYS_SHOWN = 30


@door.get("/dashboard")
@requires_staff
@shared
@door.answers(200, DashboardOut, message="Dashboard analytics retrieved successfully")
def show_dashboard() -> dict[str, Any]:
    """Show the figures of the administration's first page, at most a few seconds old: `timestamp` says of when."""
    found = dashboard.dashboard(zone=_zone(), at=current_ports().clock.now())
    newest = [
        {
            "id": each.line.id,
            "custom_id": each.line.custom_id,
            "type": each.line.type.value,
            "amount": each.line.amount,
            "status": each.line.status.value,
            "user": each.user,
            "created_at": each.line.created_at,
        }
        for each in found.newest
    ]
    return {
        "dashboard_analytics": {
            "summary": {
                "revenue30d": found.money.charged,
                "net_revenue30d": found.money.earned,
                "total_users": found.users,
                "active_subscriptions": found.active,
                "total_instances": found.instances,
            },
            "alerts": {
                "low_balance_users": found.low_balances,
                "critical_quota_plans": found.critical_plans,
            },
            "recent_activity": {"transactions": newest},
        }
    }


@door.get("/revenue")
@requires_staff
@door.arguments(RevenueQuery, location="query")
@door.answers(200, RevenueOut, message="Revenue analytics retrieved successfully")
def show_revenue(query: dict[str, Any]) -> dict[str, Any]:
    """Show what was charged and given back, by service and by day."""
    if query["start_date"] is not None:
        span = spans.between(query["start_date"], query["end_date"], zone=_zone())
    else:
        span = _span(query)
    money = revenue.money(span.since, span.until)
    return {
        "revenue_analytics": {
            "summary": {
                "total_revenue": money.charged,
                "subscription_revenue": money.charged,
                "top_up_revenue": money.topped_up,
                "refund_amount": money.given_back,
                "net_revenue": money.earned,
            },
            "by_service": [
                {
                    "service_id": each.service_id,
                    "service_name": each.service_name,
                    "revenue": each.charged,
                    "transaction_count": each.entries,
                }
                for each in revenue.by_service(span)
            ],
            "daily_breakdown": [
                {"date": wire_day(day), **_of_day(figures)}
                for day, figures in revenue.by_day(span, _DAYS_SHOWN)
            ],
        }
    }


@door.get("/subscriptions")
@requires_staff
@door.arguments(PeriodQuery, location="query")
@door.answers(200, SubscriptionAnalyticsOut, message="Subscription analytics retrieved successfully")
def show_subscriptions(query: dict[str, Any]) -> dict[str, Any]:
    """Show subscriptions, how many came and ended, and how the live ones spread over services and plans."""
    found = reports.subscriptions(_span(query))
    return {
        "subscription_analytics": {
            "summary": {
                "total": found.total,
                "active": found.active,
                "expired": found.expired,
                "cancelled": found.cancelled,
                "new_in_period": found.new,
                "churn_rate": found.churn,
                "monthly_recurring_revenue": found.monthly_recurring,
            },
            "by_service": [
                {
                    "service_id": each.service_id,
                    "service_name": each.service_name,
                    "subscription_count": each.number,
                }
                for each in found.by_service
            ],
            "by_plan": [
                {
                    "plan_id": each.plan_id,
                    "plan_name": each.plan_name,
                    "service_name": each.service_name,
                    "subscription_count": each.number,
                }
                for each in found.by_plan
            ],
        }
    }


@door.get("/users")
@requires_staff
@door.arguments(PeriodQuery, location="query")
@door.answers(200, UserAnalyticsOut, message="User analytics retrieved successfully")
def show_users(query: dict[str, Any]) -> dict[str, Any]:
    """Show accounts, who came and was there, and who spent most."""
    found = reports.customers(_span(query))
    return {
        "user_analytics": {
            "summary": {
                "total": found.total,
                "new_in_period": found.new,
                "active": found.active,
                "with_subscriptions": found.with_subscriptions,
                "with_balance": found.with_balance,
                "conversion_rate": found.conversion,
            },
            "top_spenders": [
                {
                    "id": each.user.id,
                    "email": each.user.email,
                    "name": each.user.name,
                    "total_spent": each.wallet.total_spent,
                    "credit_balance": each.wallet.balance,
                    "active_subscriptions": each.live,
                }
                for each in found.top
            ],
            "growth": [{"date": wire_day(day), "new_users": number} for day, number in found.growth],
        }
    }


@door.get("/service-control")
@requires_staff
@door.arguments(PeriodQuery, location="query")
@door.answers(200, ServiceControlOut, message="Service control metrics retrieved successfully")
def show_service_control(query: dict[str, Any]) -> dict[str, Any]:
    """Show instances by status and service, and how many changed lately."""
    found = reports.instances(_span(query))
    return {
        "service_control_metrics": {
            "summary": {"total_instances": found.total, "recent_status_changes": found.changed},
            "by_status": [{"status": status.value, "count": number} for status, number in found.by_status],
            "by_service": [
                {
                    "service_id": each.service_id,
                    "service_name": each.service_name,
                    "instance_count": each.number,
                }
                for each in found.by_service
            ],
        }
    }


def _of_day(figures: Money) -> dict[str, int]:
    return {
        "revenue": figures.charged,
        "refunds": figures.given_back,
        "net_revenue": figures.earned,
        "transaction_count": figures.entries,
    }


def _span(query: dict[str, Any]) -> Span:
    return spans.last_days(query["period"], zone=_zone(), at=current_ports().clock.now())


def _zone() -> ZoneInfo:
    return business_rules(current_settings()).zone
