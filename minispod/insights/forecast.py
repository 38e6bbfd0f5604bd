"""What the next 30 days' renewals should bring, and whose credit does not cover them. Reads only.

Days are days of the billing time zone, today the first of them. Due is every renewal that is to be charged in
them, at the price that was announced for it; what is overdue (payment grace) is due today. A customer's credit
goes to what falls due first; what it does not cover is at risk. Whoever owes the gateway covers nothing
(decision 14). Subscriptions that no longer renew bring nothing and are told apart; free ones neither.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    and_,
    case,
    cast,
    column,
    func,
    or_,
    select,
    text,
    tuple_,
    values,
)

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.kernel.database import session
from minispod.kernel.paging import Page, PageRequest
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import day_start
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet.models import Wallet

DAYS = 30


@dataclass(frozen=True, slots=True)
class DayOfRenewals:
    """One day: renewals that are due, what they cost, what of it credit covers, and the prices that end then."""

    day: date
    renewals: int = 0
    due: int = 0
    covered: int = 0
    ends: int = 0
    ending: int = 0

    @property
    def at_risk(self) -> int:
        """What credit does not cover."""
        return self.due - self.covered


class NextStep(StrEnum):
    """What to do about a shortfall, the first that fits."""

    SETTLE_DEBT = "settle_debt"
    AWAIT_TOPUP = "await_topup"
    CALL = "call"
    REMIND = "remind"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A customer whose credit does not cover what falls due, and the first instant at which it does not.

    `pending` is the sum of top-ups that may still be paid; `stops_at` ends the first payment grace that runs.
    """

    user_id: uuid.UUID
    name: str
    email: str
    balance: int
    debt: int
    renewals: int
    due: int
    short_at: datetime
    stops_at: datetime | None
    pending: int

    @property
    def missing(self) -> int:
        """The credit that has to come in for everything to be renewed."""
        return max(self.due - self.balance, self.debt)

    @property
    def next_step(self) -> NextStep:
        """What to do about it."""
        if self.debt:
            return NextStep.SETTLE_DEBT
        if self.pending >= self.missing:
            return NextStep.AWAIT_TOPUP
        return NextStep.CALL if self.stops_at is not None else NextStep.REMIND


@dataclass(frozen=True, slots=True)
class Ending:
    """A subscription that ends by decision: its renewal is switched off."""

    subscription_id: uuid.UUID
    user_id: uuid.UUID
    customer: str
    service: str
    plan: str
    price: int
    ends_at: datetime


def by_day(*, zone: ZoneInfo, at: datetime) -> list[DayOfRenewals]:
    """The days, today first, those without a renewal too."""
    today = at.astimezone(zone).date()
    due = _due(zone, at)
    paid = _day(due.c.due_at, zone, at)
    renewals = (
        select(
            paid.label("day"),
            func.count().label("renewals"),
            func.sum(due.c.price).label("due"),
            func.coalesce(func.sum(due.c.price).filter(due.c.is_covered), 0).label("covered"),
        )
        .group_by(paid)
        .subquery("renewal")
    )
    ends = _day(Subscription.ends_at, zone, at)
    endings = (
        select(ends.label("day"), func.count().label("ends"), func.sum(Subscription.price).label("ending"))
        .where(*_ends(zone, at))
        .group_by(ends)
        .subquery("ending")
    )
    query = select(
        func.coalesce(renewals.c.day, endings.c.day),
        *(
            func.coalesce(each, 0)
            for each in (
                renewals.c.renewals,
                renewals.c.due,
                renewals.c.covered,
                endings.c.ends,
                endings.c.ending,
            )
        ),
    ).select_from(renewals.outerjoin(endings, renewals.c.day == endings.c.day, full=True))
    found = {row[0]: DayOfRenewals(row[0], *map(int, row[1:])) for row in session().execute(query)}
    days = [today + timedelta(days=number) for number in range(DAYS)]
    return [found.get(day, DayOfRenewals(day)) for day in days]


def shortfalls(page: PageRequest, *, zone: ZoneInfo, at: datetime) -> Page[Shortfall]:
    """Customers whose credit does not cover what falls due, the first to run short at the front."""
    query = _shortfalls(zone, at)
    total = int(session().scalar(select(func.count()).select_from(query.subquery())) or 0)
    rows = session().execute(query.offset(page.offset).limit(page.limit))
    return Page([Shortfall(*row) for row in rows], total, page.page, page.limit)


def next_shortfalls(
    after: tuple[datetime, uuid.UUID] | None, *, limit: int, zone: ZoneInfo, at: datetime
) -> tuple[Sequence[Shortfall], tuple[datetime, uuid.UUID] | None]:
    """The next of them, and where to go on; None at the end."""
    every = _shortfalls(zone, at).subquery("short")
    query = select(every).order_by(every.c.short_at, every.c.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(every.c.short_at, every.c.id) > tuple_(*after))
    found = [Shortfall(*row) for row in session().execute(query)]
    last = (found[-1].short_at, found[-1].user_id) if len(found) == limit else None
    return found, last


def endings(page: PageRequest, *, zone: ZoneInfo, at: datetime) -> Page[Ending]:
    """Subscriptions that end in these days because their renewal is switched off, the nearest first."""
    found = _endings(zone, at)
    total = int(session().scalar(select(func.count()).select_from(Subscription).where(*_ends(zone, at))) or 0)
    rows = session().execute(found.offset(page.offset).limit(page.limit))
    return Page([Ending(*row) for row in rows], total, page.page, page.limit)


def _shortfalls(zone: ZoneInfo, at: datetime) -> Select[*tuple[Any, ...]]:
    due = _due(zone, at)
    short = (
        select(
            due.c.user_id,
            func.count().label("renewals"),
            func.sum(due.c.price).label("due"),
            func.min(due.c.due_at).filter(~due.c.is_covered).label("short_at"),
            func.min(due.c.grace_until).filter(~due.c.is_covered).label("stops_at"),
        )
        .group_by(due.c.user_id)
        .having(func.bool_or(~due.c.is_covered))
        .subquery("shortage")
    )
    pending = (
        select(func.coalesce(func.sum(TopUp.amount), 0))
        .where(TopUp.user_id == short.c.user_id, TopUp.state == TopUpState.PENDING, TopUp.expires_at > at)
        .scalar_subquery()
    )
    return (
        select(
            User.id,
            User.name,
            User.email,
            Wallet.balance,
            Wallet.gateway_debt,
            short.c.renewals,
            cast(short.c.due, BigInteger),
            short.c.short_at,
            short.c.stops_at,
            pending.label("pending"),
        )
        .select_from(short)
        .join(User, User.id == short.c.user_id)
        .join(Wallet, Wallet.user_id == short.c.user_id)
        .order_by(short.c.short_at, User.id)
    )


def _due(zone: ZoneInfo, at: datetime) -> CTE:
    """Every renewal of these days, with whether the credit covers it and what is due before it."""
    renewal = values(column("step", Integer), name="renewal").data([(0,), (1,)])
    due_at = case((renewal.c.step == 0, Subscription.ends_at), else_=_second_end(zone))
    due = (
        select(
            Subscription.user_id,
            Subscription.id,
            Subscription.grace_until,
            due_at.label("due_at"),
            _price(due_at).label("price"),
        )
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(User, User.id == Subscription.user_id)
        .join(renewal, renewal.c.step >= 0)
        .where(
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.auto_renew.is_(True),
            Subscription.ends_at < _horizon(zone, at),
            due_at < _horizon(zone, at),
        )
        .subquery("renewal_due")
    )
    spent = func.sum(due.c.price).over(
        partition_by=due.c.user_id, order_by=(due.c.due_at, due.c.id), rows=(None, 0)
    )
    return (
        select(
            due,
            and_(Wallet.gateway_debt == 0, spent <= Wallet.balance).label("is_covered"),
        )
        .join(Wallet, Wallet.user_id == due.c.user_id)
        .where(due.c.price > 0)
        .cte("due")
    )


def _second_end(zone: ZoneInfo) -> ColumnElement[datetime]:
    """The end of the period after the running one, as `pricing.period` counts it: a missing day is the month's last."""
    months = Subscription.period_number - Subscription.anchor_period + 2
    local = func.timezone(zone.key, Subscription.anchor_at) + months * text("interval '1 month'")
    return func.timezone(zone.key, local)


def _price(due_at: ColumnElement[datetime]) -> ColumnElement[int]:
    """As `charging.due_price`: what was announced, unless the plan asks for less now."""
    coming = Subscription.coming_price
    holds = or_(
        coming <= Subscription.price, and_(Plan.is_price_for_all.is_(True), coming <= Plan.monthly_price)
    )
    return case(
        (and_(Subscription.coming_price_from <= due_at, holds), coming),
        else_=Subscription.price,
    )


def _endings(zone: ZoneInfo, at: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Subscription.id,
            User.id,
            User.name,
            Service.name,
            Plan.name,
            Subscription.price,
            Subscription.ends_at,
        )
        .join(User, User.id == Subscription.user_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Service, Service.id == Subscription.service_id)
        .where(*_ends(zone, at))
        .order_by(Subscription.ends_at, Subscription.id)
    )


def _ends(zone: ZoneInfo, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.auto_renew.is_(False),
        Subscription.price > 0,
        Subscription.ends_at < _horizon(zone, at),
    )


def _horizon(zone: ZoneInfo, at: datetime) -> datetime:
    local = day_start(at, zone).astimezone(zone) + timedelta(days=DAYS)
    return day_start(local, zone)


def _day(instant: Any, zone: ZoneInfo, at: datetime) -> ColumnElement[date]:
    """The day on which it is due; what is overdue is due today."""
    return cast(func.timezone(zone.key, func.greatest(instant, at)), Date)
