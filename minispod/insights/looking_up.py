"""What staff type into the search of money: a number, an id, an order or payment of the gateway, or a customer.

Each is looked up by an index first, so that the large tables are only asked for what was found.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, or_, select, union

from minispod.accounts.models import User
from minispod.kernel.database import session
from minispod.papers.models import Paper
from minispod.payments.models import GatewayNotice, TopUp
from minispod.wallet.models import EntryKind, LedgerEntry

_NUMBER = re.compile(r"(?:TXMP-?)?(\d{1,18})", re.IGNORECASE)
_FEW = 200


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
    return Sought(ids=frozenset({id_, *session().scalars(union(back, *_of_gateway(text)))}))


def is_sought(sought: Sought, number: Any, owner: Any, ids: Sequence[Any]) -> ColumnElement[bool]:
    """The condition on a table with these columns: its number, its owner, and the ids that are asked for."""
    if sought.number is not None:
        return number == sought.number  # type: ignore[no-any-return]
    found = [column.in_(sought.ids) for column in ids] if sought.ids else []
    if sought.customers is not None:
        found.append(owner.in_(sought.customers))
    return or_(false(), *found)


def _of_gateway(text: str) -> list[Select[uuid.UUID]]:
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
    named = frozenset(session().scalars(union(act, paper, *_of_gateway(text))))
    people = select(User.id).where(
        or_(User.email.icontains(text, autoescape=True), User.name.icontains(text, autoescape=True))
    )
    found = frozenset(session().scalars(people.limit(_FEW + 1)))
    # Few are asked for by name through the index of owners; many are met soon on the way through the list.
    return Sought(ids=named, customers=found if len(found) <= _FEW else people)
