"""Subscriptions in figures, and the administrators' edit of one: /api/v1/admin/subscriptions."""

from datetime import datetime
from typing import Any

from flask import g

from minispod.accounts import directory
from minispod.api.envelope import Door, timestamp
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import camel
from minispod.api.schemas.subscription_edits import EditedOut, EditIn, FiguresQuery, SubscriptionFiguresOut
from minispod.api.subscriptions import subscription_row
from minispod.insights.subscription_figures import Share, count_subscriptions
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import editing, queries
from minispod.subscriptions.editing import FieldChange
from minispod.subscriptions.errors import NotEditable
from minispod.subscriptions.states import SubscriptionStatus

door = Door(
    "staff_subscription_edits",
    __name__,
    url_prefix="/api/v1/admin/subscriptions",
    description="Subscriptions in figures, and the edit of one",
)

_SHOWN = ("status", "end_date", "next_billing", "auto_renew", "monthly_price")


@door.get("/stats")
@requires_staff
@door.arguments(FiguresQuery, location="query")
@door.answers(200, SubscriptionFiguresOut, message="Subscription statistics retrieved successfully")
def show_figures(query: dict[str, Any]) -> dict[str, Any]:
    """Show how many there are, of what, in which state, and what they bring in each month."""
    found = count_subscriptions(query["start_date"], query["end_date"])
    by_status = {status.value: found.by_status.get(status.value, 0) for status in SubscriptionStatus}
    return {
        "overview": {
            "total_subscriptions": found.total,
            "active_subscriptions": by_status[SubscriptionStatus.ACTIVE],
            "cancelled_subscriptions": by_status[SubscriptionStatus.CANCELLED],
            "cancellation_rate": found.cancelled_percent,
        },
        "revenue": {
            "monthly_recurring_revenue": found.recurring,
            "average_revenue_per_user": found.per_customer,
        },
        "breakdown": {
            "by_status": by_status,
            "by_service": [
                {"service_id": each.id, "service_name": each.name, **_share(each)} for each in found.services
            ],
            "by_plan": [
                {
                    "plan_id": each.id,
                    "plan_name": each.name,
                    "service_name": each.service_name,
                    **_share(each),
                }
                for each in found.plans
            ],
        },
    }


def _share(share: Share) -> dict[str, int]:
    return {"count": share.total, "active": share.active, "monthly_recurring_revenue": share.recurring}


@door.put("/<subscription_id>")
@requires_staff
@door.arguments(EditIn)
@door.answers(200, EditedOut, message="Subscription updated successfully")
def edit(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Switch renewal or correct the count of failed charges; any other field has an act of its own, which 400 names."""
    at, reason = current_ports().clock.now(), body.pop("reason", None)
    try:
        with unit_of_work(current_ports().courier):
            before, changes = editing.edit(
                parse_id(subscription_id), body, reason=reason, actor=g.actor, at=at
            )
    except NotEditable as refusal:
        fields = refusal.details["fields"]
        raise NotEditable(fields={camel(name): instead for name, instead in fields.items()}) from None
    owned = queries.get_subscription(parse_id(subscription_id), actor=g.actor)
    sentences = [_sentence(each) for each in changes]
    return {
        "subscription": {
            **subscription_row(owned),
            "user": directory.get_user(owned.subscription.user_id),
        },
        "changes": sentences,
        "fields_updated": [camel(each.field) for each in changes],
        "admin_action": {
            "updated_by": g.user.id,
            "admin_name": g.user.name,
            "timestamp": at,
            **({"reason": reason} if reason else {}),
            "changes": sentences,
        },
        "original_subscription": {"id": owned.subscription.id, **{name: before[name] for name in _SHOWN}},
    }


def _sentence(change: FieldChange) -> str:
    by_itself = " (auto-updated)" if change.follows else ""
    return (
        f"{camel(change.field)}: {_text(change.before)} \N{RIGHTWARDS ARROW} {_text(change.after)}{by_itself}"
    )


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return timestamp(value) if isinstance(value, datetime) else str(value)
