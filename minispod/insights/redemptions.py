"""Redemptions of coupons with what they went into: one customer's history, a coupon's uses, figures. Reads only."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from minispod.accounts.models import User
from minispod.insights.statement import Bought, bought_by
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of
from minispod.kernel.paging import Page, PageRequest
from minispod.promotions import queries
from minispod.promotions.errors import NoSuchCoupon
from minispod.promotions.models import Redemption
from minispod.promotions.states import CouponStatus, CouponType
from minispod.subscriptions.pricing import month_start, week_start, year_start
from minispod.wallet.models import LedgerEntry


@dataclass(frozen=True, slots=True)
class Redeemed:
    """One redemption with its coupon, who made it, and the ledger entry or the subscription it went into."""

    redemption: Redemption
    user: User
    entry: LedgerEntry | None
    subscription: Bought | None


class Span(StrEnum):
    """The period of figures: the calendar week, month or year that runs."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"

    def start(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The first instant of the running period."""
        starts = {Span.WEEK: week_start, Span.MONTH: month_start, Span.YEAR: year_start}
        return starts[self](at, zone)


def list_own(
    user_id: uuid.UUID, page: PageRequest, *, type_: CouponType | None = None, actor: Actor
) -> Page[Redeemed]:
    """What a customer has redeemed, newest first; raise NoSuchCoupon for another's."""
    if not actor.may_see(user_id):
        raise NoSuchCoupon()
    wanted = _newest_first().where(Redemption.user_id == user_id)
    if type_ is not None:
        wanted = wanted.where(Redemption.type == type_)
    return _loaded(page_of(wanted, page))


def uses_of(coupon_id: uuid.UUID, page: PageRequest) -> Page[Redeemed]:
    """Every use of a coupon for staff, newest first, also those that were given back."""
    return _loaded(page_of(_newest_first().where(Redemption.coupon_id == coupon_id), page))


def statistics(span: Span, *, at: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Coupons by status, redemptions that stand in all and in the period, and what is used most."""
    start = span.start(at, zone)
    by_status = queries.counts_by_status(at)
    in_all, in_period = queries.redemptions_by_type(), queries.redemptions_by_type(start)
    return {
        "overview": {
            "total_coupons": sum(by_status.values()),
            "active_coupons": by_status.get(CouponStatus.ACTIVE, 0),
            "expired_coupons": by_status.get(CouponStatus.EXPIRED, 0),
            "used_up_coupons": by_status.get(CouponStatus.USED_UP, 0),
            "total_redemptions": sum(in_all.values()),
            "period_redemptions": sum(in_period.values()),
        },
        "top_coupons": queries.most_used(),
        "redemptions_by_type": {type_.value: in_period.get(type_, 0) for type_ in CouponType},
        "period": span.value,
        "start_date": start,
        "end_date": at,
    }


def _newest_first() -> Select[Redemption, User, LedgerEntry]:
    return (
        select(Redemption, User, LedgerEntry)
        .join(User, User.id == Redemption.user_id)
        .outerjoin(LedgerEntry, LedgerEntry.id == Redemption.entry_id)
        .order_by(Redemption.redeemed_at.desc(), Redemption.id.desc())
        .options(joinedload(Redemption.coupon))
    )


def _loaded(found: Page[Any]) -> Page[Redeemed]:
    bought = bought_by(row[0].subscription_id for row in found.items if row[0].subscription_id)
    return found.map(lambda row: Redeemed(row[0], row[1], row[2], bought.get(row[0].subscription_id)))
