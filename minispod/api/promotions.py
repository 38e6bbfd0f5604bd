"""Coupons as customers use them: redeem, look at, history: /api/v1/wallet."""

import uuid
from typing import Any

from flask import g

from minispod.api.envelope import Answer, Door
from minispod.api.guard import limit_guesses, limiter, requires_sign_in
from minispod.api.request_keys import acting, once_per_key
from minispod.api.schemas.base import RequestKeyHeader, pagination, wanted_page
from minispod.api.schemas.promotions import (
    HistoryOut,
    HistoryQuery,
    RedeemedOut,
    RedeemIn,
    ValidatedOut,
    ValidateIn,
)
from minispod.catalog.errors import NoSuchService
from minispod.insights import redemptions
from minispod.kernel.errors import Conflict, NotFound, RuleBroken
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.ports import current_ports
from minispod.promotions import checkout, redeeming
from minispod.promotions.checkout import Look
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponType

door = Door("promotions", __name__, url_prefix="/api/v1/wallet", description="Coupons of a customer")


@door.post("/redeem-coupon")
@requires_sign_in
@limiter.limit("60 per minute")
@limit_guesses
@door.arguments(RequestKeyHeader, location="headers")
@once_per_key(Step.REDEEM_COUPON)
@door.arguments(RedeemIn)
@door.answers(200, RedeemedOut, message="Coupon redeemed successfully")
def redeem_coupon(headers: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Turn a coupon into credit, once per use."""
    with acting(Step.REDEEM_COUPON):
        done = redeeming.redeem_credit(
            body["coupon_code"],
            user_id=g.user.id,
            request_key=headers["request_key"],
            actor=g.actor,
            at=current_ports().clock.now(),
        )
    return {
        "redemption": {
            "redemption_id": done.redemption.id,
            "coupon_code": done.coupon.code,
            "coupon_name": done.coupon.name,
            "credit_amount": done.entry.amount,
            "description": done.entry.description,
            "transaction_id": done.entry.id,
            "new_balance": done.entry.balance_after,
        }
    }


@door.post("/validate-coupon")
@requires_sign_in
@limiter.limit("60 per minute")
@limit_guesses
@door.arguments(ValidateIn)
@door.answers(200, ValidatedOut, message="Coupon is valid")
def validate_coupon(body: dict[str, Any]) -> Any:
    """Say whether a coupon could be used now, and what it is worth; nothing is used. 200 even when it could not."""
    try:
        found = checkout.look(
            body["coupon_code"],
            user_id=g.user.id,
            service_id=_service_id(body["service_id"]),
            at=current_ports().clock.now(),
        )
    except (RuleBroken, Conflict, NoSuchService) as refusal:
        no = {"valid": False, "error": refusal.message, "coupon": None}
        return Answer({"validation": no}, message="Coupon validation failed")
    return {
        "validation": {"valid": True, "error": None, "coupon": _shown(found, body["subscription_amount"])}
    }


@door.get("/coupon-history")
@requires_sign_in
@door.arguments(HistoryQuery, location="query")
@door.answers(200, HistoryOut, message="Coupon history retrieved successfully")
def list_redemptions(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own redemptions, newest first."""
    page = redemptions.list_own(g.user.id, wanted_page(query), type_=query["type"], actor=g.actor)
    return {"redemptions": page.items, "pagination": pagination(page)}


def _service_id(text: str | None) -> uuid.UUID | None:
    try:
        return parse_id(text) if text else None
    except NotFound:
        raise NoSuchService() from None


def _shown(found: Look, price: int | None) -> dict[str, Any]:
    coupon = found.coupon
    value = coupon.credit_amount or 0 if coupon.type.is_credit else coupon.takes_off(price or 0)
    return {
        "id": coupon.id,
        "code": coupon.code,
        "name": coupon.name,
        "description": coupon.description,
        "type": coupon.type,
        "discount_type": coupon.discount_type,
        "potential_value": value,
        "value_description": _in_words(coupon, value, price),
        "service": coupon.service,
        "valid_until": coupon.valid_until,
        "usage_info": {
            "used": coupon.used_count,
            "max_uses": coupon.max_uses,
            "user_used": found.uses,
            "max_per_user": coupon.max_uses_per_user,
        },
    }


def _in_words(coupon: Coupon, value: int, price: int | None) -> str:
    if coupon.type.is_credit:
        return f"{value:,} IDR credit"
    if coupon.type is CouponType.FREE_SERVICE:
        return "First month free" if price is None else f"First month free ({value:,} IDR)"
    if coupon.discount_percent is None:
        return f"{coupon.credit_amount:,} IDR discount"
    share = f"{coupon.discount_percent}% discount"
    return share if price is None else f"{share} ({value:,} IDR)"
