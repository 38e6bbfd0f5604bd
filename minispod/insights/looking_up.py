"""What staff look for in lists of money: a search, one customer, a span; and in which order.

A search is a number, an id, an order or payment of the gateway, or a customer. Each is looked up by an index first,
so that the large tables are only asked for what was found.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select, union

from minispod.accounts.models import User
from minispod.insights.windows import BY_NUMBER, Branch, Order
from minispod.kernel.database import session
from minispod.papers.models import Paper
from minispod.payments.models import GatewayNotice, TopUp
from minispod.wallet.models import EntryKind, LedgerEntry

_NUMBER = re.compile(r"(?:TXMP-?)?(\d{1,18})", re.IGNORECASE)
_FEW = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyWanted:
    """Which rows are wanted, and in which order; both ends of the span are included."""

    search: str = ""
    user_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    by_amount: bool = False
    ascending: bool = False

    @property
    def order(self) -> Order:
        """By number, which grows with time, or by amount."""
        return Order(("amount", "number") if self.by_amount else BY_NUMBER.names, self.ascending)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search means: a transaction number, ids, or customers."""

    number: int | None = None
    ids: frozenset[uuid.UUID] = frozenset()
    customers: Select[uuid.UUID] | frozenset[uuid.UUID] | None = None


def look_up(search: str) -> Sought | None:
    """Understand a search; None for an empty one."""
    text = search.strip()
    if not text:
        return None
    if read := _NUMBER.fullmatch(text):
        return Sought(number=int(read[1]))
    try:
        id_ = uuid.UUID(text)
    except ValueError:
        return _by_name(text)
    # What the gateway took back of a top-up names it; such entries are few.
    back = select(LedgerEntry.id).where(
        LedgerEntry.kind == EntryKind.TOPUP_REVERSAL, LedgerEntry.reference.startswith(f"{id_}:")
    )
    # The gateway's ids look like ours.
    return Sought(ids=frozenset({id_, *session().scalars(union(back, *of_gateway(text)))}))


def narrowed(
    query: Branch,
    table: type[LedgerEntry] | type[TopUp],
    about: Sequence[Any],
    wanted: MoneyWanted,
    sought: Sought | None,
) -> Branch:
    """The rows of the query that are wanted; `about` are the columns with ids that may be asked for."""
    if wanted.user_id is not None:
        query = query.where(table.user_id == wanted.user_id)
    if wanted.since is not None:
        query = query.where(table.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.created_at <= wanted.until)
    if sought is not None:
        query = query.where(_is_sought(sought, table, about))
    return query


def _is_sought(
    sought: Sought, table: type[LedgerEntry] | type[TopUp], about: Sequence[Any]
) -> ColumnElement[bool]:
    if sought.number is not None:
        return table.number == sought.number
    found = [column.in_(sought.ids) for column in about] if sought.ids else []
    if sought.customers is not None:
        found.append(table.user_id.in_(sought.customers))
    return or_(false(), *found)


def of_gateway(text: str) -> list[Select[uuid.UUID]]:
    """The top-ups of an order or a payment; an attempt that failed is known from its notices only."""
    noticed = select(GatewayNotice.order_id).where(GatewayNotice.transaction_id == text)
    ways = (
        TopUp.order_id == text,
        TopUp.transaction_id == text,
        TopUp.paid_transaction_id == text,
        TopUp.order_id.in_(noticed),
    )
    return [select(TopUp.id).where(way) for way in ways]


def _by_name(text: str) -> Sought:
    act = select(LedgerEntry.id).where(LedgerEntry.kind.in_(list(EntryKind)), LedgerEntry.reference == text)
    paper = select(Paper.entry_id).where(Paper.number == text.upper())
    named = frozenset(session().scalars(union(act, paper, *of_gateway(text))))
    people = select(User.id).where(
        or_(User.email.icontains(text, autoescape=True), User.name.icontains(text, autoescape=True))
    )
    found = frozenset(session().scalars(people.limit(_FEW + 1)))
    # Few are asked for by name through the index of owners; many are met soon on the way through the list.
    return Sought(ids=named, customers=found if len(found) <= _FEW else people)
