"""Entries of the ledger as staff read them, with customer, top-up and paper; and one top-up. Reads only.

They are counted and paged within a window, and found by any id, number or person (`windows`, `looking_up`).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.insights import transactions, windows
from minispod.insights.transactions import TransactionsWanted
from minispod.insights.windows import Order, Window
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.papers.models import Paper
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.models import TopUp
from minispod.wallet.models import LedgerEntry, Wallet


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


def list_movements(page: PageRequest, wanted: TransactionsWanted) -> Window[Movement]:
    """A page of ledger entries, newest first; raises BeyondWindow."""
    return windows.window([transactions.entries(wanted)], page).load(_loaded)


def next_movements(
    wanted: TransactionsWanted, *, after: int | None, limit: int
) -> tuple[Sequence[Movement], int | None]:
    """The next entries in the order of their numbers, and where to go on; None at the end."""
    rows = windows.merged([transactions.entries(wanted)], Order(ascending=True), limit=limit, cursor=after)
    return _loaded([row.id for row in rows]), rows[-1].number if len(rows) == limit else None


def _loaded(ids: Sequence[uuid.UUID]) -> list[Movement]:
    rows = session().execute(
        select(LedgerEntry, User, TopUp, Paper.number)
        .join(User, User.id == LedgerEntry.user_id)
        .outerjoin(TopUp, TopUp.number == LedgerEntry.number)
        .outerjoin(Paper, Paper.entry_id == LedgerEntry.id)
        .where(LedgerEntry.id.in_(ids))
    )
    found = {row[0].id: Movement(*row) for row in rows}
    return [found[id_] for id_ in ids]


def get_topup(topup_id: uuid.UUID, *, actor: Actor) -> CustomerTopUp:
    """One top-up as it is now; raise NoSuchTransaction when there is none the actor may see."""
    row = (
        session()
        .execute(
            select(TopUp, User)
            .join(User, User.id == TopUp.user_id)
            .where(TopUp.id == topup_id)
            .execution_options(populate_existing=True)
        )
        .one_or_none()
    )
    if row is None or not actor.may_see(row[0].user_id):
        raise NoSuchTransaction()
    topup, customer = row
    return CustomerTopUp(topup, customer, session().get(Wallet, topup.user_id))
