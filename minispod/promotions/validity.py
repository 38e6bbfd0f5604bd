"""Whether a coupon may be used: now, by this customer, for this purpose. Pure looks; each refusal says why."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal, or_, select
from sqlalchemy.orm import joinedload

from minispod.catalog.models import Plan, Service
from minispod.kernel.database import session
from minispod.promotions.errors import (
    AlreadyRedeemed,
    CouponExpired,
    CouponNotActive,
    CouponNotYetValid,
    CouponUsedUp,
    UnknownCode,
    WrongPlan,
    WrongUse,
)
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.states import CouponStatus, CouponType, normal_code


def get_by_code(code: str) -> Coupon:
    """The coupon with this code, whatever its case, as it is now; raise UnknownCode."""
    # Beyond ASCII, capitals of other letters are letters of codes.
    if not code.isascii():
        raise UnknownCode()
    coupon = session().scalar(
        select(Coupon)
        .where(Coupon.code == normal_code(code))
        .options(joinedload(Coupon.service))
        .execution_options(populate_existing=True)
    )
    if coupon is None:
        raise UnknownCode()
    return coupon


def check_time(coupon: Coupon, at: datetime) -> None:
    """Refuse CouponNotActive, CouponNotYetValid, CouponExpired, CouponUsedUp."""
    status = coupon.status_at(at)
    if status is CouponStatus.DISABLED:
        raise CouponNotActive()
    if status is CouponStatus.EXPIRED:
        raise CouponExpired()
    if coupon.valid_from > at:
        raise CouponNotYetValid()
    if status is CouponStatus.USED_UP:
        raise CouponUsedUp()


def check_own_uses(coupon: Coupon, uses: int) -> None:
    """Refuse AlreadyRedeemed when the customer's uses are as many as one customer may have."""
    if uses >= coupon.max_uses_per_user:
        raise AlreadyRedeemed()


def check_is_for_wallet(coupon: Coupon) -> None:
    """Refuse WrongUse unless the customer may turn it into credit."""
    if coupon.type is CouponType.WELCOME_BONUS:
        raise WrongUse("This coupon is given to new accounts by itself when they register")
    if not coupon.type.is_credit:
        raise WrongUse("This coupon cannot be used for credit top-up")


def check_is_for_checkout(coupon: Coupon, plan: Plan) -> None:
    """Refuse WrongUse and WrongPlan unless it takes something off this plan."""
    if coupon.type.is_credit:
        raise WrongUse("This coupon cannot be used during subscription checkout")
    check_service(coupon, plan.service_id)
    if coupon.plan_type not in (None, plan.plan_type):
        raise WrongPlan(f"Coupon is only valid for {coupon.plan_type} plans")


def check_service(coupon: Coupon, service_id: uuid.UUID) -> None:
    """Refuse WrongPlan when it is for another service."""
    if coupon.service_id not in (None, service_id):
        raise WrongPlan(f"Coupon is only valid for {session().get_one(Service, coupon.service_id).name}")


def own_uses(coupon_id: uuid.UUID, user_id: uuid.UUID) -> Sequence[int]:
    """The numbers of this customer's uses that stand."""
    return (
        session()
        .scalars(
            select(Redemption.number).where(
                Redemption.coupon_id == coupon_id,
                Redemption.user_id == user_id,
                Redemption.returned_at.is_(None),
            )
        )
        .all()
    )


def can_be_used(at: datetime) -> list[ColumnElement[bool]]:
    """The same as `check_time`, for the database: the conditions of the update that takes a use."""
    return [
        Coupon.status == CouponStatus.ACTIVE,
        Coupon.valid_from <= at,
        or_(Coupon.valid_until.is_(None), Coupon.valid_until > at),
        or_(Coupon.max_uses.is_(None), Coupon.used_count < Coupon.max_uses),
    ]


def status_column(at: datetime) -> ColumnElement[str]:
    """The same as `Coupon.status_at`, for the database."""
    return case(
        (Coupon.status != CouponStatus.ACTIVE, func.concat(Coupon.status)),
        (Coupon.valid_until <= at, literal(CouponStatus.EXPIRED.value)),
        (Coupon.used_count >= Coupon.max_uses, literal(CouponStatus.USED_UP.value)),
        else_=literal(CouponStatus.ACTIVE.value),
    )
