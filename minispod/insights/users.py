"""Accounts as staff see them: the list with wallets and subscriptions, one of them, and the file. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.sql import ColumnElement

from minispod.accounts.errors import NoSuchUser
from minispod.accounts.models import User
from minispod.kernel.actor import Role
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.prepared import among, prepared
from minispod.kernel.spreadsheets import Columns, Sheet, sheet
from minispod.subscriptions.models import Subscription
from minispod.wallet.models import Wallet

_PAGE = 500


class SortBy(StrEnum):
    """What the list can be sorted by, in the words of the wire."""

    NAME = "name"
    EMAIL = "email"
    CREATED_AT = "createdAt"
    CREDIT_BALANCE = "creditBalance"
    TOTAL_TOP_UP = "totalTopUp"
    TOTAL_SPENT = "totalSpent"


_COLUMNS: dict[SortBy, ColumnElement[Any]] = {
    SortBy.NAME: func.lower(User.name),
    SortBy.EMAIL: func.lower(User.email),
    SortBy.CREATED_AT: User.created_at,  # type: ignore[dict-item]
    SortBy.CREDIT_BALANCE: Wallet.balance,  # type: ignore[dict-item]
    SortBy.TOTAL_TOP_UP: Wallet.total_top_up,  # type: ignore[dict-item]
    SortBy.TOTAL_SPENT: Wallet.total_spent,  # type: ignore[dict-item]
}
_OF_WALLET = frozenset({SortBy.CREDIT_BALANCE, SortBy.TOTAL_TOP_UP, SortBy.TOTAL_SPENT})
# Everybody has one: it is opened with the account.
_WITH_WALLET = select(User, Wallet).join(Wallet, Wallet.user_id == User.id)
_THESE = prepared(_WITH_WALLET.where(among(User.id, "ids")))
_COUNTS = prepared(
    select(Subscription.user_id, func.count())
    .where(among(Subscription.user_id, "ids"))
    .group_by(Subscription.user_id)
)


@dataclass(frozen=True, slots=True)
class UsersWanted:
    """Which accounts are wanted, and in which order; those that were deleted are no longer there."""

    search: str = ""
    role: Role | None = None
    is_active: bool | None = None
    sort_by: SortBy = SortBy.CREATED_AT
    ascending: bool = False


@dataclass(frozen=True, slots=True)
class ListedUser:
    """One account with its wallet and how many subscriptions it has had."""

    user: User
    wallet: Wallet
    subscriptions: int


def list_users(page: PageRequest, wanted: UsersWanted) -> Page[ListedUser]:
    """List accounts; `search` looks into name, address and phone."""
    column = _COLUMNS[wanted.sort_by]
    turned = (column.asc(), User.id.asc()) if wanted.ascending else (column.desc(), User.id.desc())
    ids: Select[uuid.UUID] = select(User.id).where(*_conditions(wanted)).order_by(*turned)
    if wanted.sort_by in _OF_WALLET:
        ids = ids.join(Wallet, Wallet.user_id == User.id)
    found: Page[uuid.UUID] = page_of(ids, page)
    rows = session().execute(_THESE, {"ids": list(found.items)}).all()
    listed, counts = {row[0].id: row for row in rows}, _subscriptions(found.items)
    return Page(
        [ListedUser(*listed[id_], counts.get(id_, 0)) for id_ in found.items if id_ in listed],
        found.total,
        found.page,
        found.limit,
    )


def get_user(user_id: uuid.UUID) -> ListedUser:
    """One account; raises NoSuchUser, also for one that was deleted."""
    row = session().execute(_chosen(UsersWanted()).where(User.id == user_id)).one_or_none()
    if row is None:
        raise NoSuchUser()
    return ListedUser(row[0], row[1], _subscriptions([user_id]).get(user_id, 0))


def accounts_sheet(wanted: UsersWanted) -> Sheet[uuid.UUID]:
    """The chosen accounts as a file, read a page at a time, oldest first."""

    def read(after: uuid.UUID | None) -> tuple[Sequence[ListedUser], uuid.UUID | None]:
        query = _chosen(wanted).order_by(User.id).limit(_PAGE)
        if after is not None:
            query = query.where(User.id > after)
        found = session().execute(query).all()
        counts = _subscriptions([user.id for user, _ in found])
        rows = [ListedUser(user, wallet, counts.get(user.id, 0)) for user, wallet in found]
        return rows, found[-1][0].id if len(found) == _PAGE else None

    return sheet(_EXPORTED, read)


def _chosen(wanted: UsersWanted) -> Select[User, Wallet]:
    return _WITH_WALLET.where(*_conditions(wanted))


def _conditions(wanted: UsersWanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [User.deleted_at.is_(None)]
    if wanted.search:
        columns = (User.name, User.email, User.phone)
        found.append(or_(*(each.icontains(wanted.search, autoescape=True) for each in columns)))
    if wanted.role is not None:
        found.append(User.role == wanted.role)
    if wanted.is_active is not None:
        found.append(User.is_active.is_(wanted.is_active))
    return found


def _subscriptions(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = session().execute(_COUNTS, {"ids": list(ids)})
    return {id_: int(number) for id_, number in rows}


def _yes(claim: bool) -> str:
    return "yes" if claim else "no"


_EXPORTED: Columns[ListedUser] = {
    "Id": lambda row: row.user.id,
    "Name": lambda row: row.user.name,
    "E-mail": lambda row: row.user.email,
    "E-mail verified": lambda row: _yes(row.user.email_verified),
    "Phone": lambda row: row.user.phone,
    "Role": lambda row: row.user.role.value,
    "Active": lambda row: _yes(row.user.is_active),
    "Google": lambda row: _yes(row.user.google_id is not None),
    "Credit (IDR)": lambda row: row.wallet.balance,
    "Topped up (IDR)": lambda row: row.wallet.total_top_up,
    "Spent (IDR)": lambda row: row.wallet.total_spent,
    "Owed (IDR)": lambda row: row.wallet.gateway_debt,
    "Subscriptions": lambda row: row.subscriptions,
    "Last signed in (UTC)": lambda row: row.user.signed_in_at,
    "Since (UTC)": lambda row: row.user.created_at,
}
