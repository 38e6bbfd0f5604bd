"""What is revenue, said once for every page and report, and the reports of it. Reads only.

Charged is what was debited for subscriptions and upgrades, after discounts. Given back is what of that went
back to wallets. Revenue earned is the one less the other. Credit that customers bought is not revenue: it is
when it is spent. Bonuses, corrections and what the gateway gave or took back are not either.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, cast, func, select
from sqlalchemy.sql import ColumnElement

from minispod.catalog.models import Service
from minispod.insights.spans import Span
from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet.models import CHARGE_REFUNDS, EntryKind, EntryType, LedgerEntry

_CHARGES = frozenset({EntryType.SUBSCRIPTION, EntryType.UPGRADE})
_TOP_UPS = frozenset({EntryKind.TOPUP, EntryKind.TOPUP_REVERSAL})
# Summed by type and kind in the database, told apart here.
_SUMS: tuple[Any, ...] = (
    LedgerEntry.type,
    LedgerEntry.kind,
    func.sum(LedgerEntry.delta),
    func.count(),
)

MONTHLY_RECURRING: ColumnElement[int] = func.coalesce(
    func.sum(Subscription.price).filter(
        Subscription.status == SubscriptionStatus.ACTIVE, Subscription.auto_renew.is_(True)
    ),
    0,
)
"""What comes in each month from what is active and renews: the prices that subscriptions keep (decision 10)."""


@dataclass(frozen=True, slots=True)
class Money:
    """Money of a span: charged, given back of it, received as credit; `entries` are the charges and refunds."""

    charged: int = 0
    given_back: int = 0
    topped_up: int = 0
    entries: int = 0

    def __add__(self, other: "Money") -> "Money":
        """Both together."""
        return Money(
            self.charged + other.charged,
            self.given_back + other.given_back,
            self.topped_up + other.topped_up,
            self.entries + other.entries,
        )

    @property
    def earned(self) -> int:
        """The revenue that stays."""
        return self.charged - self.given_back


@dataclass(frozen=True, slots=True)
class ServiceRevenue:
    """What was charged for one service, in how many entries."""

    service_id: uuid.UUID
    service_name: str
    charged: int
    entries: int


def money(since: datetime, until: datetime | None = None) -> Money:
    """The money of a span; without an end, up to now."""
    query = select(*_SUMS).where(LedgerEntry.created_at >= since)
    if until is not None:
        query = query.where(LedgerEntry.created_at < until)
    found = Money()
    for type_, kind, delta, number in session().execute(query.group_by(LedgerEntry.type, LedgerEntry.kind)):
        found += _told_apart(type_, kind, int(delta), int(number))
    return found


def money_in_two(since: datetime, split: datetime) -> tuple[Money, Money]:
    """The money from `since` to `split`, and from there up to now."""
    is_later = (LedgerEntry.created_at >= split).label("is_later")
    query = select(is_later, *_SUMS).where(LedgerEntry.created_at >= since)
    found = {False: Money(), True: Money()}
    grouped = query.group_by(is_later, LedgerEntry.type, LedgerEntry.kind)
    for later, type_, kind, delta, number in session().execute(grouped):
        found[later] += _told_apart(type_, kind, int(delta), int(number))
    return found[False], found[True]


def by_day(span: Span, most: int) -> list[tuple[date, Money]]:
    """The money of the newest days, newest first, also of those on which nothing happened."""
    days = span.newest_days(most)
    day = cast(func.timezone(span.zone.key, LedgerEntry.created_at), Date).label("day")
    shown = Span(days[-1], days[0], span.zone)
    query = select(day, *_SUMS).where(*_within(shown)).group_by(day, LedgerEntry.type, LedgerEntry.kind)
    found = dict.fromkeys(days, Money())
    for each, type_, kind, delta, number in session().execute(query):
        found[each] += _told_apart(type_, kind, int(delta), int(number))
    return list(found.items())


def by_service(span: Span) -> list[ServiceRevenue]:
    """What was charged for each service, most first."""
    charged = func.sum(-LedgerEntry.delta).label("charged")
    rows = session().execute(
        select(Service.id, Service.name, charged, func.count())
        .select_from(LedgerEntry)
        .join(Subscription, Subscription.id == LedgerEntry.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .where(*_within(span), LedgerEntry.type.in_(sorted(_CHARGES)))
        .group_by(Service.id)
        .order_by(charged.desc(), Service.name)
    )
    return [ServiceRevenue(id_, name, int(total), int(number)) for id_, name, total, number in rows]


def _within(span: Span) -> tuple[ColumnElement[bool], ...]:
    return LedgerEntry.created_at >= span.since, LedgerEntry.created_at < span.until


def _told_apart(type_: EntryType, kind: EntryKind, delta: int, number: int) -> Money:
    if type_ in _CHARGES:
        return Money(charged=-delta, entries=number)
    # Whatever of a charge went back to the wallet; the gateway's refunds are of top-ups.
    if kind in CHARGE_REFUNDS:
        return Money(given_back=delta, entries=number)
    return Money(topped_up=delta) if kind in _TOP_UPS else Money()
