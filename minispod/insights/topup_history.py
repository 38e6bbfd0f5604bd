"""All that is known of one top-up, by time: notices, our questions, ledger entries, the audit book. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from minispod.audit import trail
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.payments import queries
from minispod.payments.models import GatewayNotice, TopUp, TopUpRefund
from minispod.wallet.models import EntryKind, LedgerEntry

_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `kind` says where it is written, `verdict` what was made of it."""

    at: datetime
    kind: str
    what: str
    who: str | None = None
    verdict: str | None = None
    transaction_id: str | None = None
    amount: int | None = None
    times: int = 1
    details: Mapping[str, Any] = field(default_factory=dict)
    notice: GatewayNotice | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The events, newest first, the refunds asked for, and the other payments of the same order."""

    events: Sequence[Event]
    refunds: Sequence[TopUpRefund]
    siblings: Sequence[TopUp]
    entries: Sequence[LedgerEntry]


def history_of(topup: TopUp) -> History:
    """Everything written about a top-up; the newest hundred of each book."""
    entries = _entries(topup)
    events = [*_notices(topup), *_looks(topup), *_movements(entries), *_audited(topup)]
    events.sort(key=lambda event: event.at, reverse=True)
    return History(events, queries.list_refunds(topup.id), queries.list_siblings(topup), entries)


def _notices(topup: TopUp) -> Iterator[Event]:
    wanted = select(GatewayNotice).where(GatewayNotice.order_id == topup.gateway_order_id)
    if topup.second_of is not None:
        wanted = wanted.where(GatewayNotice.transaction_id == topup.transaction_id)
    rows = session().scalars(wanted.order_by(GatewayNotice.received_at.desc()).limit(_LIMIT))
    for notice in rows:
        yield Event(
            notice.received_at,
            "notice",
            notice.transaction_status,
            verdict=(notice.verdict or "nothing") if notice.settled_at else None,
            transaction_id=notice.transaction_id,
            amount=notice.gross_amount,
            times=notice.deliveries,
            details=_raw(notice),
            notice=notice,
        )


def _raw(notice: GatewayNotice) -> dict[str, Any]:
    """The fields as they were sent, as far as they are kept."""
    named = {
        "order_id": notice.order_id,
        "transaction_id": notice.transaction_id,
        "transaction_status": notice.transaction_status,
        "currency": notice.currency,
        "merchant_id": notice.merchant_id,
    }
    return {name: value for name, value in (named | notice.facts).items() if value is not None}


def _looks(topup: TopUp) -> Iterator[Event]:
    for look in queries.list_looks(topup.id, _LIMIT):
        yield Event(
            look.last_at,
            "look",
            look.said,
            who=look.asked_by,
            verdict=look.verdict,
            transaction_id=look.transaction_id,
            times=look.times,
        )


def _entries(topup: TopUp) -> Sequence[LedgerEntry]:
    credited = (LedgerEntry.kind == EntryKind.TOPUP) & (LedgerEntry.reference == str(topup.id))
    taken_back = (LedgerEntry.kind == EntryKind.TOPUP_REVERSAL) & LedgerEntry.reference.startswith(
        f"{topup.id}:"
    )
    wanted = select(LedgerEntry).where(LedgerEntry.user_id == topup.user_id, or_(credited, taken_back))
    return session().scalars(wanted.order_by(LedgerEntry.number)).all()


def _movements(entries: Sequence[LedgerEntry]) -> Iterator[Event]:
    for entry in entries:
        yield Event(
            entry.created_at,
            "entry",
            entry.kind.value,
            verdict=entry.custom_id,
            amount=entry.delta,
            details={"balance": entry.balance_after},
        )


def _audited(topup: TopUp) -> Iterator[Event]:
    lines = trail.search(PageRequest(1, _LIMIT), subject_kind="topup", subject_id=str(topup.id))
    for line in lines.items:
        yield Event(
            line.at, "audit", line.action, who=line.actor_name or line.actor_kind, details=line.details
        )
