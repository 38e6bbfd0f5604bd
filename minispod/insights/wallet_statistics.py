"""A customer's own figures: completed transactions by type and by day, week, month or year. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from minispod.insights.statement import shown_status
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.payments.models import TopUp
from minispod.payments.states import TransactionStatus
from minispod.wallet.errors import NoSuchWallet
from minispod.wallet.models import EntryType, LedgerEntry

_SPAN = timedelta(days=30)
_RECENT = 10


class Grouping(StrEnum):
    """By what the last thirty days are grouped."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_NAMED = {
    Grouping.DAY: "YYYY-MM-DD",
    Grouping.WEEK: 'IYYY-"W"IW',
    Grouping.MONTH: "YYYY-MM",
    Grouping.YEAR: "YYYY",
}


@dataclass(frozen=True, slots=True)
class Sum:
    """How much in how many transactions; amounts are sizes, whatever their direction."""

    amount: int
    count: int


@dataclass(frozen=True, slots=True)
class Span:
    """One day, week, month or year."""

    total: Sum
    by_type: dict[str, Sum]


@dataclass(frozen=True, slots=True)
class WalletStatistics:
    """All completed transactions in sum and by type, the last thirty days by span, and the newest few."""

    total: Sum
    by_type: dict[str, Sum]
    spans: dict[str, Span] = field(default_factory=dict)
    recent: Sequence[LedgerEntry] = ()


def statistics(
    user_id: uuid.UUID, grouping: Grouping, *, zone: ZoneInfo, actor: Actor, at: datetime
) -> WalletStatistics:
    """The figures of one wallet; raise NoSuchWallet for another's. Days are days of `zone`."""
    if not actor.may_see(user_id):
        raise NoSuchWallet()
    sums = (LedgerEntry.type, func.sum(LedgerEntry.amount), func.count())
    by_type = {
        type_.value: Sum(int(amount), int(count))
        for type_, amount, count in session().execute(_completed(user_id, *sums).group_by(LedgerEntry.type))
    }
    local = func.timezone(zone.key, LedgerEntry.created_at)
    name = func.to_char(local, _NAMED[grouping]).label("name")
    grouped = (
        _completed(user_id, name, *sums)
        .where(LedgerEntry.created_at > at - _SPAN)
        .group_by(name, LedgerEntry.type)
        .order_by(name.desc())
    )
    spans: dict[str, dict[str, Sum]] = {}
    for span, type_, amount, count in session().execute(grouped):
        spans.setdefault(span, {})[type_.value] = Sum(int(amount), int(count))
    newest = (
        _completed(user_id, LedgerEntry)
        .order_by(LedgerEntry.created_at.desc(), LedgerEntry.number.desc())
        .limit(_RECENT)
    )
    return WalletStatistics(
        _in_all(by_type),
        by_type,
        {span: Span(_in_all(found), found) for span, found in spans.items()},
        session().scalars(newest).all(),
    )


def completed_by_type() -> dict[EntryType, Sum]:
    """Completed transactions of all customers by type, for staff."""
    rows = session().execute(
        _completed(None, LedgerEntry.type, func.sum(LedgerEntry.amount), func.count()).group_by(
            LedgerEntry.type
        )
    )
    return {type_: Sum(int(amount), int(count)) for type_, amount, count in rows}


def completed_since(since: datetime) -> int:
    """The number of completed transactions of all customers since an instant."""
    return session().scalar(_completed(None, func.count()).where(LedgerEntry.created_at >= since)) or 0


def _completed(user_id: uuid.UUID | None, *columns: Any) -> Select[*tuple[Any, ...]]:
    """A top-up that was taken back as a whole counts as refunded, not as completed; its reversal is one itself."""
    query = (
        select(*columns)
        .select_from(LedgerEntry)
        .outerjoin(TopUp, TopUp.id == LedgerEntry.id)
        .where(shown_status() == TransactionStatus.COMPLETED.value)
    )
    return query if user_id is None else query.where(LedgerEntry.user_id == user_id)


def _in_all(sums: dict[str, Sum]) -> Sum:
    return Sum(sum(each.amount for each in sums.values()), sum(each.count for each in sums.values()))
