"""The customer's statement: ledger entries together with the top-ups that have none (yet).

A credited top-up and its ledger entry have one id and number and are one line; its status is the top-up's,
because a refund changes it and the entry never changes. Every read filters by owner (decision 41).
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    String,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql import ColumnElement, Select, Subquery

from minispod.catalog.models import Plan, Service
from minispod.kernel.actor import Actor
from minispod.kernel.database import counted, counted_page, session
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.prepared import among, prepared
from minispod.papers.models import Paper
from minispod.papers.queries import ISSUED_FOR_ENTRY
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.models import TopUp
from minispod.payments.states import CREDITED, SHOWN_AS, TransactionStatus
from minispod.subscriptions.models import Subscription
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry

_GATEWAY_ZONE = timezone(timedelta(hours=7))
_SHOWN_DETAILS = frozenset(
    {"subscriptionId", "planId", "period", "topupId", "reason", "couponId", "couponCode"}
)


@dataclass(frozen=True, slots=True)
class BoughtService:
    """The service a charge was for."""

    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class BoughtPlan:
    """The plan it is on now."""

    name: str
    plan_type: str


@dataclass(frozen=True, slots=True)
class Bought:
    """What a charge was for."""

    id: uuid.UUID
    service: BoughtService
    plan: BoughtPlan


@dataclass(frozen=True, slots=True)
class Transaction:
    """One line of the statement; `amount` is never negative, the type tells the direction."""

    id: uuid.UUID
    custom_id: str
    user_id: uuid.UUID
    type: EntryType
    status: TransactionStatus
    amount: int
    balance_before: int
    balance_after: int
    payment_method: str | None
    payment_reference: str | None
    subscription_id: uuid.UUID | None
    description: str
    metadata: Mapping[str, Any]
    processed_by: uuid.UUID | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    subscription: Bought | None = None
    invoice_id: uuid.UUID | None = None
    invoice_number: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; both ends of the span are included."""

    type: EntryType | None = None
    status: TransactionStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


def shown_status() -> ColumnElement[str]:
    """The wire's status of a line, for queries that join entries to their top-ups by id."""
    return case(
        *((TopUp.state == state, shown.value) for state, shown in SHOWN_AS.items()),
        else_=TransactionStatus.COMPLETED.value,
    )


def _all_lines() -> Subquery:
    """The lines of one `owner`."""
    shown, owner = shown_status(), bindparam("owner", type_=Uuid())
    entries = (
        select(
            LedgerEntry.id.label("id"),
            func.coalesce(TopUp.created_at, LedgerEntry.created_at).label("created_at"),
            LedgerEntry.number.label("number"),
            cast(LedgerEntry.type, String).label("type"),
            shown.label("status"),
        )
        .outerjoin(TopUp, TopUp.id == LedgerEntry.id)
        .where(LedgerEntry.user_id == owner)
    )
    unpaid = select(
        TopUp.id, TopUp.created_at, TopUp.number, literal(EntryType.TOP_UP.value), shown.label("status")
    ).where(TopUp.user_id == owner, TopUp.state.not_in(CREDITED))
    lines: CompoundSelect[Any] = union_all(entries, unpaid)
    return lines.subquery("line")


_line = _all_lines()
_NEWEST = prepared(counted(select(_line.c.id).order_by(_line.c.created_at.desc(), _line.c.number.desc())))
_FRESH = {"populate_existing": True}
_ENTRIES = prepared(
    select(LedgerEntry, Paper.id, Paper.number, Service.name, Service.slug, Plan.name, Plan.plan_type)
    .outerjoin(Paper, ISSUED_FOR_ENTRY)
    .outerjoin(Subscription, Subscription.id == LedgerEntry.subscription_id)
    .outerjoin(Service, Service.id == Subscription.service_id)
    .outerjoin(Plan, Plan.id == Subscription.plan_id)
    .where(among(LedgerEntry.id, "ids"))
    .execution_options(**_FRESH)
)
_TOPUPS = prepared(select(TopUp).where(among(TopUp.id, "ids")).execution_options(**_FRESH))
_BOUGHT = prepared(
    select(Subscription.id, Service.name, Service.slug, Plan.name, Plan.plan_type)
    .join(Service, Service.id == Subscription.service_id)
    .join(Plan, Plan.id == Subscription.plan_id)
    .where(among(Subscription.id, "ids"))
)


def list_transactions(
    user_id: uuid.UUID, page: PageRequest, *, actor: Actor, wanted: Filter | None = None
) -> Page[Transaction]:
    """The lines of one customer's statement, newest first; raise NoSuchTransaction for another's."""
    if not actor.may_see(user_id):
        raise NoSuchTransaction()
    query = _filtered(_NEWEST, _line, wanted or Filter())
    found = counted_page(query, {"owner": user_id}, page)
    return replace(found, items=load_lines([row.id for row in found.items]))


def next_transactions(
    user_id: uuid.UUID,
    wanted: Filter,
    *,
    after: tuple[datetime, int] | None,
    limit: int,
    actor: Actor,
) -> tuple[list[Transaction], tuple[datetime, int] | None]:
    """The next lines of a statement from the oldest on, and where to go on; None at the end.

    Raises NoSuchTransaction for another's.
    """
    if not actor.may_see(user_id):
        raise NoSuchTransaction()
    query = _filtered(select(_line.c.id, _line.c.created_at, _line.c.number), _line, wanted)
    if after is not None:
        query = query.where(tuple_(_line.c.created_at, _line.c.number) > tuple_(*after))
    query = query.order_by(_line.c.created_at, _line.c.number).limit(limit)
    rows = session().execute(query, {"owner": user_id}).all()
    last = (rows[-1].created_at, rows[-1].number) if len(rows) == limit else None
    return load_lines([row.id for row in rows]), last


def get_transaction(transaction_id: uuid.UUID, *, actor: Actor) -> Transaction:
    """One line; raise NoSuchTransaction when there is none or it is not the actor's."""
    found = load_lines([transaction_id])
    if not found or not actor.may_see(found[0].user_id):
        raise NoSuchTransaction()
    return found[0]


def _filtered(query: Select[Any], line: Subquery, wanted: Filter) -> Select[Any]:
    if wanted.type is not None:
        query = query.where(line.c.type == wanted.type.value)
    if wanted.status is not None:
        query = query.where(line.c.status == wanted.status.value)
    if wanted.since is not None:
        query = query.where(line.c.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(line.c.created_at <= wanted.until)
    return query


def load_lines(ids: Sequence[uuid.UUID]) -> list[Transaction]:
    """The lines with these ids, in the same order; whoever asks has shown that they may see them."""
    wanted = {"ids": list(ids)}
    entries = {row[0].id: _of_entry(*row) for row in session().execute(_ENTRIES, wanted)}
    found = session().scalars(_TOPUPS, wanted)
    topups = {topup.id: _of_topup(topup, entries.get(topup.id)) for topup in found}
    lines = entries | topups
    return [lines[id_] for id_ in ids if id_ in lines]


def bought_by(subscription_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Bought]:
    """What each of these subscriptions is for."""
    rows = session().execute(_BOUGHT, {"ids": list(set(subscription_ids))})
    return {
        id_: Bought(id_, BoughtService(service, slug), BoughtPlan(plan, plan_type.value))
        for id_, service, slug, plan, plan_type in rows
    }


def _of_entry(
    entry: LedgerEntry, invoice_id: uuid.UUID | None, invoice_number: str | None, *sold: Any
) -> Transaction:
    """The line of an entry with its invoice, and with the service and the plan it was for as columns."""
    service, slug, plan, plan_type = sold
    bought = None
    if entry.subscription_id is not None and service is not None:
        bought = Bought(
            entry.subscription_id, BoughtService(service, slug), BoughtPlan(plan, plan_type.value)
        )
    return Transaction(
        id=entry.id,
        custom_id=entry.custom_id,
        user_id=entry.user_id,
        type=entry.type,
        status=TransactionStatus.COMPLETED,
        amount=entry.amount,
        balance_before=entry.balance_before,
        balance_after=entry.balance_after,
        payment_method=entry.payment_method,
        payment_reference=None,
        subscription_id=entry.subscription_id,
        description=entry.description,
        metadata={name: value for name, value in entry.details.items() if name in _SHOWN_DETAILS},
        processed_by=entry.actor_id if entry.kind is EntryKind.ADJUSTMENT else None,
        created_at=entry.created_at,
        updated_at=entry.created_at,
        completed_at=entry.created_at,
        subscription=bought,
        invoice_id=invoice_id,
        invoice_number=invoice_number,
    )


def _of_topup(topup: TopUp, entry: Transaction | None) -> Transaction:
    return Transaction(
        id=topup.id,
        custom_id=topup.custom_id,
        user_id=topup.user_id,
        type=EntryType.TOP_UP,
        status=topup.state.is_shown_as,
        amount=topup.amount,
        balance_before=entry.balance_before if entry else 0,
        balance_after=entry.balance_after if entry else 0,
        payment_method=topup.payment_method,
        payment_reference=topup.order_id,
        subscription_id=None,
        description=topup.description,
        metadata=_topup_metadata(topup),
        processed_by=None,
        created_at=topup.created_at,
        updated_at=topup.updated_at,
        completed_at=topup.completed_at,
        invoice_id=entry.invoice_id if entry else None,
        invoice_number=entry.invoice_number if entry else None,
    )


def gateway_time(at: datetime) -> str:
    """An instant as the gateway and the original write it: "2026-11-20 17:21:29 +0700"."""
    return at.astimezone(_GATEWAY_ZONE).strftime("%Y-%m-%d %H:%M:%S %z")


def _topup_metadata(topup: TopUp) -> dict[str, Any]:
    """What the front end may see. The token is there exactly while the payment page may be opened."""
    known = {
        "payment_method": topup.payment_group.value,
        "expiry_time": gateway_time(topup.expires_at),
        "fee": topup.fee or None,
        "midtrans_payment_type": topup.payment_type,
        "midtrans_status": topup.gateway_state,
    }
    if topup.can_be_paid:
        known |= {"midtrans_token": topup.snap_token, "midtrans_redirect_url": topup.redirect_url}
    return {name: value for name, value in known.items() if value is not None}
