"""Use a coupon, each use once: into the wallet, as a welcome, at checkout; and give a use back.

The wallet is held first, which puts the acts of one customer in a row; then one conditional update counts
the use, under every limit at once. Lock order (docs/adr/0005): wallet, coupon.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.promotions.errors import CouponUsedUp, RequestKeyReused, UnknownCode
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.states import CouponType, normal_code
from minispod.promotions.validity import (
    can_be_used,
    check_is_for_wallet,
    check_own_uses,
    check_time,
    get_by_code,
    own_uses,
)
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry


@dataclass(frozen=True, slots=True)
class Credited:
    """What came of a coupon for the wallet."""

    redemption: Redemption
    coupon: Coupon
    entry: LedgerEntry
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """A counted use: the coupon as it is under the lock, and the number of the use among the customer's."""

    coupon: Coupon
    number: int


def redeem_credit(
    code: str, *, user_id: uuid.UUID, request_key: str | None = None, actor: Actor, at: datetime
) -> Credited:
    """Turn a coupon into credit; locks wallet, then coupon. The same `request_key` again is the same request.

    Refuses UnknownCode, WrongUse, CouponNotActive, CouponNotYetValid, CouponExpired, CouponUsedUp,
    AlreadyRedeemed, RequestKeyReused.
    """
    ledger.hold(user_id)
    if (repeat := _repeat(code, user_id, request_key)) is not None:
        return repeat
    use = take_use(get_by_code(code).id, user_id=user_id, at=at)
    check_is_for_wallet(use.coupon)
    return _credit(use, user_id, "billing_page", request_key, actor, at)


def give_welcome(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> Rupiah:
    """Give a new account every welcome bonus there is, oldest first; what is used up is passed over."""
    ledger.hold(user_id)
    wanted = select(Coupon.id).where(Coupon.type == CouponType.WELCOME_BONUS, *can_be_used(at))
    given = 0
    # In the order of their ids, which is that of their making and that of locks.
    for coupon_id in session().scalars(wanted.order_by(Coupon.id)).all():
        coupon = _count_use(coupon_id, at)
        if coupon is not None and coupon.type is CouponType.WELCOME_BONUS:
            given += _credit(Use(coupon, 1), user_id, "welcome_bonus", None, actor, at).entry.amount
    return Rupiah(given)


def take_use(coupon_id: uuid.UUID, *, user_id: uuid.UUID, at: datetime) -> Use:
    """Count one use, or refuse with the limit that forbids it. The caller holds the customer's wallet."""
    coupon = _count_use(coupon_id, at)
    if coupon is None:
        coupon = session().get(Coupon, coupon_id, populate_existing=True)
        if coupon is None:
            raise UnknownCode()  # it was deleted since it was looked up
        check_time(coupon, at)
        raise CouponUsedUp()  # a moment ago it was
    taken = own_uses(coupon_id, user_id)
    check_own_uses(coupon, len(taken))
    return Use(coupon, next(number for number in count(1) if number not in taken))


def write_use(use: Use, actor: Actor, at: datetime, *, id_: uuid.UUID, **columns: Any) -> Redemption:
    """Write the row of a counted use, and the line in the book."""
    redemption = Redemption(
        id=id_,
        coupon=use.coupon,
        type=use.coupon.type,
        number=use.number,
        redeemed_at=at,
        **columns,
    )
    session().add(redemption)
    session().flush()  # periods refer to the row by id; the unique use is answered now
    trail.record(
        actor,
        trail.Action.COUPON_REDEEMED,
        at=at,
        subject_kind="coupon",
        subject_id=use.coupon.id,
        code=use.coupon.code,
        amount=redemption.credit_amount or redemption.discount_amount,
        redemption=str(redemption.id),
    )
    return redemption


def give_back(subscription_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Give back the uses that went into a subscription which never ran; the caller has it locked."""
    standing = (
        select(Redemption)
        .where(Redemption.subscription_id == subscription_id, Redemption.returned_at.is_(None))
        .order_by(Redemption.coupon_id, Redemption.id)
        .execution_options(populate_existing=True)
    )
    for redemption in session().scalars(standing).all():
        session().execute(
            update(Coupon)
            .where(Coupon.id == redemption.coupon_id)
            .values(used_count=Coupon.used_count - 1, updated_at=at)
            .execution_options(synchronize_session=False)
        )
        redemption.returned_at = at
        trail.record(
            actor,
            trail.Action.COUPON_RETURNED,
            at=at,
            subject_kind="coupon",
            subject_id=redemption.coupon_id,
            redemption=str(redemption.id),
        )


def _count_use(coupon_id: uuid.UUID, at: datetime) -> Coupon | None:
    """Count one use if time and counter allow it: one statement, so that no two take the last one."""
    return session().scalar(
        update(Coupon)
        .where(Coupon.id == coupon_id, *can_be_used(at))
        .values(used_count=Coupon.used_count + 1, updated_at=at)
        .returning(Coupon)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def _credit(
    use: Use, user_id: uuid.UUID, context: str, request_key: str | None, actor: Actor, at: datetime
) -> Credited:
    coupon, id_ = use.coupon, new_id()
    amount = Rupiah(coupon.credit_amount or 0)
    posting = ledger.Posting(
        EntryType.COUPON_REDEMPTION,
        EntryKind.COUPON,
        str(id_),
        f"Coupon redemption: {coupon.name} - {amount:,} IDR credit",
        details={"couponId": str(coupon.id), "couponCode": coupon.code, "couponType": coupon.type.value},
    )
    entry = ledger.credit(user_id, amount, posting, actor=actor, at=at)
    redemption = write_use(
        use,
        actor,
        at,
        id_=id_,
        user_id=user_id,
        credit_amount=amount,
        entry_id=entry.id,
        details={"redemptionContext": context, "originalCouponValue": amount},
        request_key=request_key or None,
    )
    return Credited(redemption, coupon, entry)


def _repeat(code: str, user_id: uuid.UUID, request_key: str | None) -> Credited | None:
    """What the first request with this key made; raise RequestKeyReused when that was another code."""
    if not request_key:
        return None
    redemption = session().scalar(
        select(Redemption)
        .where(Redemption.user_id == user_id, Redemption.request_key == request_key)
        .options(joinedload(Redemption.coupon))
    )
    if redemption is None:
        return None
    if redemption.coupon.code != normal_code(code):
        raise RequestKeyReused()
    entry = session().get_one(LedgerEntry, redemption.entry_id)
    return Credited(redemption, redemption.coupon, entry, is_repeat=True)
