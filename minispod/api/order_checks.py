"""Ask what an order would meet, without placing it: /api/v1/subscriptions/validate."""

import uuid
from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.schemas.order_checks import OrderCheckedOut, OrderCheckIn, QuotaInfoOut
from minispod.catalog.models import Plan
from minispod.kernel.errors import NotFound
from minispod.kernel.ids import parse_id
from minispod.ports import current_settings
from minispod.rules import business_rules
from minispod.subscriptions.errors import OrderHindered
from minispod.subscriptions.foreseeing import Foresight, Hindrance, foresee_order

door = Door(
    "order_checks",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="What an order would meet",
)


@door.post("/validate")
@requires_sign_in
@limiter.limit("60 per minute")
@door.arguments(OrderCheckIn)
@door.answers(200, OrderCheckedOut, message="Subscription validation passed")
def validate_order(body: dict[str, Any]) -> dict[str, Any]:
    """Tell whether an order of this plan would be taken now; 400 with `data.validation` says why not."""
    met = foresee_order(
        _plan_id(body["plan_id"]),
        user_id=g.user.id,
        rules=business_rules(current_settings()),
        actor=g.actor,
    )
    if met.hindrance is not None or met.plan is None:
        raise OrderHindered(validation=_hindered(met))
    plan = met.plan
    return {
        "validation": {
            "is_valid": True,
            "user": {"id": g.user.id, "name": g.user.name, "credit_balance": met.balance},
            "plan": {
                "id": plan.id,
                "name": plan.name,
                "monthly_price": plan.monthly_price,
                "service_name": plan.service.name,
            },
            "quota_info": _quota(plan, met.places),
        }
    }


def _plan_id(text: str) -> uuid.UUID | None:
    try:
        return parse_id(text)
    except NotFound:  # nothing can have that name: a plan that is not available
        return None


def _hindered(met: Foresight) -> dict[str, Any]:
    """A refusal's public facts are sent as they are, so the names are those of the wire."""
    code = "QUOTA_EXCEEDED" if met.hindrance is Hindrance.CLUSTER_FULL else str(met.hindrance)
    facts: dict[str, Any] = {"isValid": False, "error": met.sentence, "code": code}
    if met.live_id is not None:
        facts["existingSubscriptionId"] = str(met.live_id)
    if met.plan is not None and met.hindrance in (Hindrance.INSUFFICIENT_CREDIT, Hindrance.WALLET_IN_DEBT):
        required = met.plan.monthly_price
        facts["currentBalance"] = met.balance
        facts["requiredAmount"] = required
        facts["shortfall"] = required - met.balance
    if met.plan is not None and code == "QUOTA_EXCEEDED":
        facts["quotaInfo"] = QuotaInfoOut().dump(_quota(met.plan, met.places))
    return facts


def _quota(plan: Plan, places: int) -> dict[str, Any]:
    return {
        "plan_id": plan.id,
        "plan_name": plan.name,
        "service_name": plan.service.name,
        "total_quota": plan.total_quota,
        "used_quota": plan.used_quota,
        "available_quota": plan.available_quota,
        "requested_quota": 1,
        "is_available": plan.available_quota > 0,
        "can_allocate": places > 0,
    }
