"""Transactions of all customers, for staff: entries of the ledger and the top-ups that have none. Reads only.

They are sorted by their number, which grows with time and is one for a top-up and the entry that credits it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, false, select

from minispod.accounts.models import User
from minispod.insights import looking_up, statement, windows
from minispod.insights.looking_up import MoneyWanted, Sought
from minispod.insights.statement import Transaction
from minispod.insights.windows import BY_NUMBER, Branch, Order, Window
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.payments.models import TopUp
from minispod.payments.states import CREDITED, SHOWN_AS, TAKEN_BACK, TransactionStatus
from minispod.wallet.models import EntryType, LedgerEntry


class SortBy(StrEnum):
    """What the list can be sorted by, in the words of the wire."""

    CREATED_AT = "createdAt"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionsWanted(MoneyWanted):
    """Which transactions are wanted.

    The span is of when a movement was booked; of a top-up that was not paid, when it was begun.
    """

    type: EntryType | None = None
    status: TransactionStatus | None = None


@dataclass(frozen=True, slots=True)
class CustomersTransaction:
    """A transaction and whose it is."""

    line: Transaction
    user: User


def list_transactions(
    page: PageRequest, wanted: TransactionsWanted, *, cursor: int | None = None
) -> Window[CustomersTransaction]:
    """A page of what is wanted, or the page after `cursor`; raises BeyondWindow."""
    return windows.window(_branches(wanted), page, wanted.order, cursor=cursor).load(_loaded)


def next_transactions(
    wanted: TransactionsWanted, *, after: int | None, limit: int
) -> tuple[Sequence[CustomersTransaction], int | None]:
    """The next transactions in the order of their numbers, and where to go on; None at the end."""
    rows = windows.merged(_branches(wanted), Order(ascending=True), limit=limit, cursor=after)
    return _loaded([row.id for row in rows]), rows[-1].number if len(rows) == limit else None


def newest(number: int) -> Sequence[CustomersTransaction]:
    """The newest transactions of any status."""
    rows = windows.merged(_branches(TransactionsWanted()), BY_NUMBER, limit=number)
    return _loaded([row.id for row in rows])


def get_transaction(transaction_id: uuid.UUID, *, actor: Actor) -> CustomersTransaction:
    """One transaction; raises NoSuchTransaction."""
    return _with_owners([statement.get_transaction(transaction_id, actor=actor)])[0]


def _branches(wanted: TransactionsWanted) -> list[Branch]:
    sought = looking_up.look_up(wanted.search)
    return [_entries(wanted, sought), _unpaid(wanted, sought)]


def entries(wanted: TransactionsWanted) -> Branch:
    """The entries of the ledger alone, for a list of nothing else."""
    return _entries(wanted, looking_up.look_up(wanted.search))


def _entries(wanted: TransactionsWanted, sought: Sought | None) -> Branch:
    query: Branch = select(LedgerEntry.id, LedgerEntry.number, LedgerEntry.amount)
    taken_back = exists().where(TopUp.id == LedgerEntry.id, TopUp.state.in_(sorted(TAKEN_BACK)))
    match wanted.status:
        case None:
            pass
        case TransactionStatus.COMPLETED:
            query = query.where(~taken_back)
        case TransactionStatus.REFUNDED:
            query = query.where(LedgerEntry.type == EntryType.TOP_UP, taken_back)
        case _:
            query = query.where(false())
    if wanted.type is not None:
        query = query.where(LedgerEntry.type == wanted.type)
    about = (LedgerEntry.id, LedgerEntry.user_id, LedgerEntry.subscription_id)
    return looking_up.narrowed(query, LedgerEntry, about, wanted, sought)


def _unpaid(wanted: TransactionsWanted, sought: Sought | None) -> Branch:
    states = [
        state for state, shown in SHOWN_AS.items() if state not in CREDITED and wanted.status in (None, shown)
    ]
    query: Branch = select(TopUp.id, TopUp.number, TopUp.amount).where(TopUp.state.in_(states))
    if not states or wanted.type not in (None, EntryType.TOP_UP):
        query = query.where(false())
    return looking_up.narrowed(query, TopUp, (TopUp.id, TopUp.user_id), wanted, sought)


def _loaded(ids: Sequence[uuid.UUID]) -> list[CustomersTransaction]:
    return _with_owners(statement.load_lines(ids))


def _with_owners(lines: Sequence[Transaction]) -> list[CustomersTransaction]:
    ids = {line.user_id for line in lines}
    owners = {user.id: user for user in session().scalars(select(User).where(User.id.in_(ids)))}
    return [CustomersTransaction(line, owners[line.user_id]) for line in lines]
