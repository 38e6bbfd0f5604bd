"""What staff do with coupons: issue, change, switch on and off, delete. Each act locks the coupon alone.

A coupon's terms are checked as a whole, whoever sends them; the uses that were made keep their own worth.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from minispod.audit import trail
from minispod.catalog.errors import NoSuchService
from minispod.catalog.models import PlanType, Service
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.promotions.errors import BadTerms, CodeTaken, CouponRedeemed, NoSuchCoupon
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.states import CODE, CouponStatus, CouponType, DiscountType, normal_code

CREDIT = range(1_000, 10_000_001)
PERCENT = range(1, 101)
USES = range(1, 1_000_001)
USES_PER_USER = range(1, 101)
YEARS = range(2000, 9000)
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """All that staff say about a coupon except its code; without `max_uses` it has no limit, without end no end."""

    name: str
    type: CouponType
    valid_from: datetime
    description: str | None = None
    status: CouponStatus = CouponStatus.ACTIVE
    credit_amount: int | None = None
    discount_type: DiscountType | None = None
    discount_percent: int | None = None
    max_uses: int | None = None
    max_uses_per_user: int = 1
    service_id: uuid.UUID | None = None
    plan_type: PlanType | None = None
    valid_until: datetime | None = None


_TERMS = tuple(each.name for each in fields(Terms))


def issue(code: str, terms: Terms, *, actor: Actor, at: datetime) -> Coupon:
    """Put a coupon into the world; refuses BadTerms, CodeTaken, NoSuchService."""
    code = normal_code(code)
    if not CODE.fullmatch(code):
        raise BadTerms("A code has 3 to 50 letters, digits, hyphens and underscores", about="code")
    terms = _checked(terms)
    if terms.valid_until is not None and terms.valid_until <= at:
        raise BadTerms("The end of validity must be in the future", about="valid_until")
    coupon = Coupon(
        id=new_id(),
        code=code,
        used_count=0,
        created_by=actor.user_id,
        created_at=at,
        updated_at=at,
        **_columns(terms),
    )
    try:
        with session().begin_nested():
            session().add(coupon)
            session().flush()  # the unique index on the code answers here
    except IntegrityError as error:
        if "uq_coupons_code" in str(error.orig):
            raise CodeTaken() from None
        raise
    _book(actor, trail.Action.COUPON_CREATED, coupon, at, code=code, type=coupon.type.value)
    return coupon


def change(coupon_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, at: datetime) -> Coupon:
    """Change the given terms; refuses NoSuchCoupon, BadTerms, NoSuchService.

    The kind of a coupon that was redeemed stays; so does room for the uses that stand.
    """
    coupon = _locked(coupon_id)
    before = _terms(coupon)
    terms = _checked(replace(before, **changes))
    if terms.type is not coupon.type and _was_redeemed(coupon):
        raise BadTerms("The type of a coupon that was redeemed cannot change", about="type")
    if terms.max_uses is not None and terms.max_uses < coupon.used_count:
        raise BadTerms(
            f"It was used {coupon.used_count} times already; allow at least as many uses", about="max_uses"
        )
    for name, value in _columns(terms).items():
        setattr(coupon, name, value)
    coupon.updated_at = at
    changed = {
        name: [str(getattr(before, name)), str(getattr(terms, name))]
        for name in _TERMS
        if getattr(before, name) != getattr(terms, name)
    }
    _book(actor, trail.Action.COUPON_CHANGED, coupon, at, code=coupon.code, changed=changed)
    return coupon


def set_status(coupon_ids: Sequence[uuid.UUID], status: CouponStatus, *, actor: Actor, at: datetime) -> int:
    """Switch several coupons at once; those that are not there are passed over. Returns how many were found."""
    _check_status(status)
    found = 0
    for coupon_id in sorted(set(coupon_ids)):  # in the order of locks
        coupon: Coupon | None = lock(Coupon, coupon_id)
        if coupon is not None:
            found += 1
            was, coupon.status, coupon.updated_at = coupon.status, status, at
            changed = {"status": [was.value, status.value]}
            _book(actor, trail.Action.COUPON_CHANGED, coupon, at, code=coupon.code, changed=changed)
    return found


def delete(coupon_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Remove a coupon nobody ever redeemed; refuses NoSuchCoupon, CouponRedeemed."""
    coupon = _locked(coupon_id)
    if _was_redeemed(coupon):
        raise CouponRedeemed()
    session().delete(coupon)
    _book(actor, trail.Action.COUPON_DELETED, coupon, at, code=coupon.code)


def _locked(coupon_id: uuid.UUID) -> Coupon:
    coupon: Coupon | None = lock(Coupon, coupon_id)
    if coupon is None:
        raise NoSuchCoupon()
    return coupon


def _was_redeemed(coupon: Coupon) -> bool:
    counted = select(func.count()).select_from(Redemption).where(Redemption.coupon_id == coupon.id)
    return bool(session().scalar(counted))


def _terms(coupon: Coupon) -> Terms:
    return Terms(**{name: getattr(coupon, name) for name in _TERMS})


def _columns(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in _TERMS}


def _checked(terms: Terms) -> Terms:
    """The terms with nothing that its type does not know; refuses BadTerms and NoSuchService."""
    terms = _worth(replace(terms, name=terms.name.strip()))
    if not 1 <= len(terms.name) <= LONGEST_NAME:
        raise BadTerms(f"A name has 1 to {LONGEST_NAME} characters", about="name")
    if len(terms.description or "") > LONGEST_DESCRIPTION:
        raise BadTerms(f"A description has at most {LONGEST_DESCRIPTION} characters", about="description")
    _check_status(terms.status)
    if terms.max_uses is not None and terms.max_uses not in USES:
        raise BadTerms(f"The number of uses must be between {USES[0]:,} and {USES[-1]:,}", about="max_uses")
    if terms.max_uses_per_user not in USES_PER_USER:
        raise BadTerms(
            f"The uses per customer must be between {USES_PER_USER[0]} and {USES_PER_USER[-1]}",
            about="max_uses_per_user",
        )
    if not all(each.year in YEARS for each in (terms.valid_from, terms.valid_until) if each is not None):
        about = "valid_until" if terms.valid_from.year in YEARS else "valid_from"
        raise BadTerms(f"The validity must lie between the years {YEARS[0]} and {YEARS[-1]}", about=about)
    if terms.valid_until is not None and terms.valid_until <= terms.valid_from:
        raise BadTerms("The end of validity must come after its beginning", about="valid_until")
    if terms.service_id is not None and session().get(Service, terms.service_id) is None:
        raise NoSuchService()
    return terms


def _worth(terms: Terms) -> Terms:
    if terms.type.is_credit:
        _check_amount(
            terms.credit_amount, "Credit amount is required for credit top-up and welcome bonus coupons"
        )
        terms = replace(terms, discount_type=None, discount_percent=None, service_id=None, plan_type=None)
        once = terms.type is CouponType.WELCOME_BONUS
        return replace(terms, max_uses_per_user=1) if once else terms
    if terms.type is CouponType.FREE_SERVICE:
        return replace(terms, credit_amount=None, discount_type=None, discount_percent=None)
    if terms.discount_type is DiscountType.PERCENTAGE:
        if terms.discount_percent not in PERCENT:
            raise BadTerms(
                f"A percentage between {PERCENT[0]} and {PERCENT[-1]} is required", about="discount_percent"
            )
        return replace(terms, credit_amount=None)
    if terms.discount_type is DiscountType.FIXED_AMOUNT:
        _check_amount(terms.credit_amount, "The amount of a fixed discount is required")
        return replace(terms, discount_percent=None)
    raise BadTerms("A discount needs its type: a fixed amount or a percentage", about="discount_type")


def _check_amount(amount: int | None, missing: str) -> None:
    if amount is None:
        raise BadTerms(missing, about="credit_amount")
    if amount not in CREDIT:
        raise BadTerms(
            f"The amount must be between {CREDIT[0]:,} and {CREDIT[-1]:,} rupiah", about="credit_amount"
        )


def _check_status(status: CouponStatus) -> None:
    if status is CouponStatus.USED_UP:
        raise BadTerms("Used up is what the counter says; it cannot be set", about="status")


def _book(actor: Actor, action: trail.Action, coupon: Coupon, at: datetime, **details: Any) -> None:
    trail.record(actor, action, at=at, subject_kind="coupon", subject_id=coupon.id, **details)
