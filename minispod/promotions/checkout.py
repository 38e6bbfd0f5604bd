"""A coupon at checkout: what it takes off the first period, and its use once the order is paid.

The price is quoted before anything is locked and charged under the wallet's lock; the use is counted
after that, and refused when the coupon no longer takes off what was quoted.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from minispod.catalog.errors import NoSuchService
from minispod.catalog.models import Plan, Service
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.promotions.errors import CouponChanged, NothingToSave
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.redeeming import take_use, write_use
from minispod.promotions.states import CouponType
from minispod.promotions.validity import (
    check_is_for_checkout,
    check_is_for_wallet,
    check_own_uses,
    check_service,
    check_time,
    get_by_code,
    own_uses,
)


@dataclass(frozen=True, slots=True)
class Discount:
    """What a coupon takes off the price of a first period."""

    coupon_id: uuid.UUID
    price: Rupiah
    amount: Rupiah


@dataclass(frozen=True, slots=True)
class Look:
    """A coupon that could be used now, and how often this customer has used it."""

    coupon: Coupon
    uses: int


def look(code: str, *, user_id: uuid.UUID, service_id: uuid.UUID | None = None, at: datetime) -> Look:
    """Show a coupon to a customer without using it; refuses as the use would, and NoSuchService."""
    coupon = get_by_code(code)
    if service_id is not None and session().get(Service, service_id) is None:
        raise NoSuchService()
    if not coupon.type.is_credit:
        if service_id is not None:
            check_service(coupon, service_id)
    else:
        check_is_for_wallet(coupon)
    uses = len(own_uses(coupon.id, user_id))
    check_own_uses(coupon, uses)
    check_time(coupon, at)
    return Look(coupon, uses)


def quote(code: str, plan: Plan, *, user_id: uuid.UUID, at: datetime) -> Discount:
    """What the coupon takes off the first period of this plan. Nothing is locked and nothing used.

    Refuses UnknownCode, WrongUse, WrongPlan, NothingToSave, AlreadyRedeemed, and what `check_time` refuses.
    """
    coupon = look(code, user_id=user_id, at=at).coupon
    return Discount(coupon.id, plan.monthly_price, _worth(coupon, plan))


def use_at_checkout(
    discount: Discount,
    plan: Plan,
    *,
    user_id: uuid.UUID,
    subscription_id: uuid.UUID,
    actor: Actor,
    at: datetime,
) -> Redemption:
    """Use the coupon for an order that was charged as quoted; the wallet is held.

    Refuses as `quote`, and CouponChanged.
    """
    use = take_use(discount.coupon_id, user_id=user_id, at=at)
    if _worth(use.coupon, plan) != discount.amount:
        raise CouponChanged()
    return write_use(
        use,
        actor,
        at,
        id_=new_id(),
        user_id=user_id,
        discount_amount=discount.amount,
        subscription_id=subscription_id,
        details=_details(use.coupon, plan, discount),
    )


def _worth(coupon: Coupon, plan: Plan) -> Rupiah:
    check_is_for_checkout(coupon, plan)
    amount = coupon.takes_off(plan.monthly_price)
    if not amount:
        raise NothingToSave()
    return amount


def _details(coupon: Coupon, plan: Plan, discount: Discount) -> dict[str, object]:
    bought: dict[str, object] = {
        "planId": str(plan.id),
        "planName": plan.name,
        "serviceId": str(plan.service_id),
        "serviceName": plan.service.name,
    }
    if coupon.type is CouponType.FREE_SERVICE:
        return {**bought, "freeServiceValue": discount.amount, "redemptionContext": "free_service"}
    return {
        **bought,
        "originalAmount": discount.price,
        "discountAmount": discount.amount,
        "finalAmount": discount.price - discount.amount,
        "redemptionContext": "subscription_checkout",
    }
