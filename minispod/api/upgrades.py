"""Move up to a higher plan, and see what that would cost: /api/v1/subscriptions/<id>."""

from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.request_keys import acting, once_per_key
from minispod.api.schemas.base import RequestKeyHeader
from minispod.api.schemas.subscriptions import PlanChangeIn, UpgradedOut, UpgradeOptionsOut
from minispod.api.subscriptions import subscription_row
from minispod.catalog.models import Plan
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.subscriptions import changing, queries
from minispod.subscriptions.changing import Changed, Options
from minispod.subscriptions.charging import next_price
from minispod.subscriptions.models import PlanChange
from minispod.subscriptions.queries import OwnedSubscription

door = Door(
    "upgrades",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="Moving a subscription to another plan",
)


@door.get("/<subscription_id>/billing-info")
@requires_sign_in
@door.alt_response(400, response="BAD_REQUEST")
@door.answers(200, UpgradeOptionsOut, message="Available upgrade plans retrieved successfully")
def show_options(subscription_id: str) -> dict[str, Any]:
    """Show the higher plans with what each costs now, which the upgrade charges; 400 unless it is active."""
    ports, rules = current_ports(), business_rules(current_settings())
    owned = queries.get_subscription(parse_id(subscription_id), actor=g.actor)
    options = changing.find_options(owned.subscription, rules=rules, actor=g.actor, at=ports.clock.now())
    return _options_row(owned, options)


@door.put("/<subscription_id>/upgrade")
@requires_sign_in
@limiter.limit("30 per minute")
@door.arguments(RequestKeyHeader, location="headers")
@once_per_key(Step.CHANGE_PLAN)
@door.arguments(PlanChangeIn)
@door.answers(200, UpgradedOut, message="Subscription upgraded successfully")
def upgrade(headers: dict[str, Any], body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Move to a higher plan of the same service: the difference is charged at once, the instance follows."""
    with acting(Step.CHANGE_PLAN):
        changed = changing.upgrade(
            parse_id(subscription_id),
            parse_id(body["new_plan_id"]),
            request_key=headers["request_key"],
            rules=business_rules(current_settings()),
            actor=g.actor,
            at=current_ports().clock.now(),
        )
    owned = queries.get_subscription(changed.subscription.id, actor=g.actor)
    return changed_row(owned, changed)


def changed_row(owned: OwnedSubscription, changed: Changed) -> dict[str, Any]:
    """A change of plan as the wire shows it."""
    change = changed.change
    return {
        "subscription": subscription_row(owned),
        **amounts_of(change),
        "instance_update_result": None,
        "message": message_of(change),
        "next_steps": _next_steps(change),
    }


def amounts_of(change: PlanChange) -> dict[str, Any]:
    """What a change costs and what was moved for it; below zero is what was given back."""
    return {
        "upgrade_cost": change.quoted,
        "actual_charge": change.charged - change.credited,
        "prorated_days": change.days_left,
        "is_bonus_upgrade": change.is_waived,
    }


def message_of(change: PlanChange) -> str:
    """One sentence about what was done."""
    if change.is_waived:
        return f"Bonus {'upgrade' if change.is_upgrade else 'downgrade'} completed successfully (no charge)"
    return f"Subscription {'upgraded' if change.is_upgrade else 'downgraded'} successfully"


def _next_steps(change: PlanChange) -> list[str]:
    steps = ["The instance is being brought to its new size; it restarts for a moment"]
    if change.is_waived:
        steps.append("No credit was moved")
    elif change.credited:
        steps.append(f"A prorated refund of {change.credited} IDR has been added to the credit balance")
    if change.is_upgrade:
        steps.append("Should it not run in its new size, the old plan and what was charged come back")
    return steps


def _options_row(owned: OwnedSubscription, options: Options) -> dict[str, Any]:
    row = owned.subscription
    offers = [_offer_row(offer) for offer in options.offers]
    return {
        "current_plan": {**_plan_row(row.plan), "monthly_price": row.price},
        "available_upgrades": offers,
        "user_info": {
            "credit_balance": options.balance,
            "has_upgrade_options": bool(offers),
            "can_upgrade_any": any(offer["can_upgrade"] for offer in offers),
        },
        "billing_info": {
            "days_remaining": options.days_left,
            "next_billing_date": row.next_billing_at,
            "prorated_ratio": round(options.days_left / options.period_days, 2),
            "auto_renew": row.auto_renew,
            "monthly_price": row.price,
            "last_charge_amount": row.last_charge,
            "next_charge_amount": next_price(row) if row.next_billing_at else 0,
        },
        "service": row.service,
    }


def _offer_row(offer: changing.Offer) -> dict[str, Any]:
    why_not = {} if offer.hindrance is None else {"reason": offer.hindrance}
    return {
        **_plan_row(offer.plan),
        "upgrade_cost": offer.quote.amount,
        "prorated_days": offer.quote.days_left,
        "quota_available": offer.has_place,
        "can_upgrade": offer.hindrance is None,
        **why_not,
    }


def _plan_row(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "name": plan.name,
        "plan_type": plan.plan_type.value,
        "monthly_price": plan.monthly_price,
        "resources": {
            "cpu_milli": plan.cpu_milli,
            "memory_mb": plan.memory_mb,
            "storage_gb": plan.storage_gb,
        },
        "features": plan.features,
    }


__all__ = ["amounts_of", "changed_row", "door", "message_of", "upgrade"]
