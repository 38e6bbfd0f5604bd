"""Wallets as staff see them: figures of all, the list, and one with its statement. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, or_, select
from sqlalchemy.sql import ColumnElement

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.insights import statement, wallet_statistics
from minispod.insights.statement import Transaction
from minispod.insights.wallet_statistics import Sum
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions import queries as subscription_queries
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import OwnedSubscription
from minispod.subscriptions.states import LIVE
from minispod.wallet import statements
from minispod.wallet.models import EntryType, LedgerEntry, Wallet

_SHOWN = 20
_DAY = timedelta(hours=24)


class SortBy(StrEnum):
    """What the list can be sorted by, in the words of the wire."""

    CREDIT_BALANCE = "creditBalance"
    TOTAL_TOP_UP = "totalTopUp"
    TOTAL_SPENT = "totalSpent"
    CREATED_AT = "createdAt"


_COLUMNS = {
    SortBy.CREDIT_BALANCE: Wallet.balance,
    SortBy.TOTAL_TOP_UP: Wallet.total_top_up,
    SortBy.TOTAL_SPENT: Wallet.total_spent,
    SortBy.CREATED_AT: User.created_at,
}


@dataclass(frozen=True, slots=True)
class WalletsWanted:
    """Which wallets are wanted, and in which order."""

    search: str = ""
    sort_by: SortBy = SortBy.CREATED_AT
    ascending: bool = False
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class ListedWallet:
    """One line of the list."""

    user: User
    wallet: Wallet
    live: int
    transactions: int


@dataclass(frozen=True, slots=True)
class Sums:
    """All wallets together."""

    wallets: int
    balance: int
    topped_up: int
    spent: int
    smallest: int
    largest: int
    with_credit: int
    below_zero: int
    owed: int

    def average(self, total: int) -> int:
        """A total per wallet, in whole rupiah."""
        return round(total / self.wallets) if self.wallets else 0


@dataclass(frozen=True, slots=True)
class Figures:
    """All wallets in figures."""

    sums: Sums
    transactions: int
    transactions_lately: int
    by_type: dict[EntryType, Sum]


@dataclass(frozen=True, slots=True)
class WalletDetails:
    """One wallet with what moved lately and what it pays for."""

    user: User
    wallet: Wallet
    transactions: Sequence[Transaction]
    subscriptions: Sequence[OwnedSubscription]


def sums() -> Sums:
    """All wallets together, at this moment."""
    row = (
        session()
        .execute(
            select(
                func.count(),
                func.coalesce(func.sum(Wallet.balance), 0),
                func.coalesce(func.sum(Wallet.total_top_up), 0),
                func.coalesce(func.sum(Wallet.total_spent), 0),
                func.coalesce(func.min(Wallet.balance), 0),
                func.coalesce(func.max(Wallet.balance), 0),
                func.count().filter(Wallet.balance > 0),
                func.count().filter(Wallet.balance < 0),
                func.coalesce(func.sum(Wallet.gateway_debt), 0),
            )
        )
        .one()
    )
    return Sums(*(int(each) for each in row))


def figures(*, at: datetime) -> Figures:
    """All wallets and their completed transactions in figures."""
    by_type = wallet_statistics.completed_by_type()
    return Figures(
        sums(),
        sum(each.count for each in by_type.values()),
        wallet_statistics.completed_since(at - _DAY),
        by_type,
    )


def list_wallets(page: PageRequest, wanted: WalletsWanted) -> Page[ListedWallet]:
    """List wallets with their owners."""
    query = select(User, Wallet).join(Wallet, Wallet.user_id == User.id)
    if wanted.search:
        columns = (User.name, User.email)
        query = query.where(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.at_least is not None:
        query = query.where(Wallet.balance >= wanted.at_least)
    if wanted.at_most is not None:
        query = query.where(Wallet.balance <= wanted.at_most)
    column: ColumnElement[object] = _COLUMNS[wanted.sort_by]  # type: ignore[assignment]
    found = page_of(query.order_by(column.asc() if wanted.ascending else column.desc(), User.id), page)
    ids = [user.id for user, _ in found.items]
    live = _counted(select(Subscription.user_id, func.count()).where(Subscription.status.in_(LIVE)), ids)
    moved = _counted(select(LedgerEntry.user_id, func.count()), ids)
    return found.map(
        lambda row: ListedWallet(row[0], row[1], live.get(row[0].id, 0), moved.get(row[0].id, 0))
    )


def details(user_id: uuid.UUID, *, actor: Actor) -> WalletDetails:
    """One wallet; raises NoSuchUser, NoSuchWallet."""
    user = directory.get_user(user_id)
    wallet = statements.get_wallet(user.id, actor=actor)
    lines = statement.list_transactions(user.id, PageRequest(1, _SHOWN), actor=actor)
    owned = subscription_queries.list_all(PageRequest(1, 100), user_id=user.id)
    live = [each for each in owned.items if each.subscription.status in LIVE]
    return WalletDetails(user, wallet, lines.items, live)


def _counted(query: object, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    owner = query.selected_columns[0]  # type: ignore[attr-defined]
    rows = session().execute(query.where(owner.in_(ids)).group_by(owner))  # type: ignore[attr-defined]
    return {id_: int(number) for id_, number in rows}
