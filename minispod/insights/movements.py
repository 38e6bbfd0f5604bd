"""Money as staff look for it: ledger entries and top-ups with the customer, found by any id or by person."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.sql import ColumnElement

from minispod.accounts.models import User
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.papers.models import Paper
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.models import GatewayNotice, TopUp
from minispod.payments.states import TopUpState
from minispod.wallet.models import EntryType, LedgerEntry, Wallet

_NUMBER = re.compile(r"(?:TXMP-?)?(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Movement:
    """A ledger entry, its customer, the top-up that brought the money, and the number of its paper, if there is one."""

    entry: LedgerEntry
    customer: User
    topup: TopUp | None
    paper: str | None


@dataclass(frozen=True, slots=True)
class CustomerTopUp:
    """A top-up with its customer, and their wallet where one top-up is shown."""

    topup: TopUp
    customer: User
    wallet: Wallet | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted, both ends included; `search` is a TXMP or paper number, any id, a customer or words."""

    search: str = ""
    type: EntryType | None = None
    user_id: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_movements(page: PageRequest, wanted: Wanted | None = None) -> Page[Movement]:
    """List ledger entries, newest first."""
    query = _movements(wanted or Wanted()).order_by(LedgerEntry.created_at.desc(), LedgerEntry.number.desc())
    found: Page[Movement] = page_of(query, page, shape=lambda row: Movement(*row))
    return found


def next_movements(wanted: Wanted, *, after: int | None, limit: int) -> Sequence[Movement]:
    """The next entries in the order of their numbers, beginning after number `after`."""
    query = _movements(wanted).order_by(LedgerEntry.number).limit(limit)
    if after is not None:
        query = query.where(LedgerEntry.number > after)
    return [Movement(*row) for row in session().execute(query)]


def _movements(wanted: Wanted) -> Select[LedgerEntry, User, TopUp, str | None]:
    query = (
        select(LedgerEntry, User, TopUp, Paper.number)
        .join(User, User.id == LedgerEntry.user_id)
        .outerjoin(TopUp, TopUp.number == LedgerEntry.number)
        .outerjoin(Paper, Paper.entry_id == LedgerEntry.id)
    )
    if wanted.search:
        query = query.where(_is_of(wanted.search))
    if wanted.type is not None:
        query = query.where(LedgerEntry.type == wanted.type)
    if wanted.user_id is not None:
        query = query.where(LedgerEntry.user_id == wanted.user_id)
    if wanted.since is not None:
        query = query.where(LedgerEntry.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(LedgerEntry.created_at <= wanted.until)
    return query


def _is_of(search: str) -> ColumnElement[bool]:
    """An entry that has this id, or belongs to what has it; else as for top-ups."""
    ids = (LedgerEntry.id, LedgerEntry.user_id, LedgerEntry.subscription_id, LedgerEntry.actor_id)
    found = _matches(search, LedgerEntry.number, LedgerEntry.description, ids)
    id_ = _read_id(search)
    # The references of acts are, or begin with, the id of what they are about.
    about = LedgerEntry.reference == search if id_ is None else LedgerEntry.reference.startswith(str(id_))
    papered = Paper.number == search.upper() if id_ is None else Paper.id == id_
    return or_(found, about, papered)


def list_topups(
    page: PageRequest, *, search: str = "", state: TopUpState | None = None
) -> Page[CustomerTopUp]:
    """List top-ups, newest first; `search` as for the ledger."""
    wanted = _topups().order_by(TopUp.created_at.desc(), TopUp.number.desc())
    if search:
        ids = (TopUp.id, TopUp.second_of, TopUp.user_id)
        wanted = wanted.where(_matches(search, TopUp.number, TopUp.transaction_id, ids))
    if state is not None:
        wanted = wanted.where(TopUp.state == state)
    found: Page[CustomerTopUp] = page_of(wanted, page, shape=lambda row: CustomerTopUp(*row))
    return found


def get_topup(topup_id: uuid.UUID, *, actor: Actor) -> CustomerTopUp:
    """One top-up as it is now; raise NoSuchTransaction when there is none the actor may see."""
    row = (
        session()
        .execute(_topups().where(TopUp.id == topup_id).execution_options(populate_existing=True))
        .one_or_none()
    )
    if row is None or not actor.may_see(row[0].user_id):
        raise NoSuchTransaction()
    topup, customer = row
    return CustomerTopUp(topup, customer, session().get(Wallet, topup.user_id))


def _topups() -> Select[TopUp, User]:
    return select(TopUp, User).join(User, User.id == TopUp.user_id)


def _matches(search: str, number: Any, text: Any, ids: Sequence[Any]) -> ColumnElement[bool]:
    read = _NUMBER.fullmatch(search)
    if read:
        return number == int(read[1])  # type: ignore[no-any-return]
    id_ = _read_id(search)
    columns = (User.name, User.email, TopUp.order_id, text)
    return or_(
        *(column.icontains(search, autoescape=True) for column in columns),
        *(column == id_ for column in ids if id_ is not None),
        # An attempt that failed is known from its notices only.
        TopUp.transaction_id == search,
        TopUp.paid_transaction_id == search,
        TopUp.order_id.in_(select(GatewayNotice.order_id).where(GatewayNotice.transaction_id == search)),
    )


def _read_id(search: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(search)
    except ValueError:
        return None
