"""Top-ups of all customers, and what of their charges was given back, for staff. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.insights import looking_up, windows
from minispod.insights.looking_up import MoneyWanted
from minispod.insights.movements import CustomerTopUp
from minispod.insights.windows import Branch, Order, Window
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Refund, Subscription
from minispod.wallet.models import EntryType, LedgerEntry

_OLDEST_FIRST = Order(ascending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpsWanted(MoneyWanted):
    """Which top-ups are wanted."""

    state: TopUpState | None = None


@dataclass(frozen=True, slots=True)
class CustomersRefund:
    """What was given back of one charge, by which entry, and to whom."""

    refund: Refund
    entry: LedgerEntry
    user: User

    @property
    def of(self) -> str:
        """Which charge it was of, in the words of the wire."""
        return "PERIOD" if self.refund.period_id else "UPGRADE"


def list_topups(
    page: PageRequest, wanted: TopUpsWanted, *, cursor: int | None = None
) -> Window[CustomerTopUp]:
    """A page of top-ups in every state; raises BeyondWindow."""
    return windows.window([_topups(wanted)], page, wanted.order, cursor=cursor).load(_loaded_topups)


def next_topups(
    wanted: TopUpsWanted, *, after: int | None, limit: int
) -> tuple[Sequence[CustomerTopUp], int | None]:
    """The next top-ups in the order of their numbers, and where to go on; None at the end."""
    rows = windows.merged([_topups(wanted)], _OLDEST_FIRST, limit=limit, cursor=after)
    return _loaded_topups([row.id for row in rows]), rows[-1].number if len(rows) == limit else None


def list_refunds(
    page: PageRequest, wanted: MoneyWanted, *, cursor: int | None = None
) -> Window[CustomersRefund]:
    """A page of what was given back of charges; raises BeyondWindow."""
    return windows.window([_refunds(wanted)], page, wanted.order, cursor=cursor).load(_loaded_refunds)


def next_refunds(
    wanted: MoneyWanted, *, after: int | None, limit: int
) -> tuple[Sequence[CustomersRefund], int | None]:
    """The next refunds in the order of their entries' numbers, and where to go on; None at the end."""
    rows = windows.merged([_refunds(wanted)], _OLDEST_FIRST, limit=limit, cursor=after)
    return _loaded_refunds([row.id for row in rows]), rows[-1].number if len(rows) == limit else None


def _topups(wanted: TopUpsWanted) -> Branch:
    query: Branch = select(TopUp.id, TopUp.number, TopUp.amount)
    if wanted.state is not None:
        query = query.where(TopUp.state == wanted.state)
    about = (TopUp.id, TopUp.user_id, TopUp.second_of)
    return looking_up.narrowed(query, TopUp, about, wanted, looking_up.look_up(wanted.search))


def _refunds(wanted: MoneyWanted) -> Branch:
    query: Branch = (
        select(Refund.id, LedgerEntry.number, Refund.amount)
        .join(LedgerEntry, LedgerEntry.id == Refund.entry_id)
        .where(LedgerEntry.type == EntryType.REFUND)
    )
    about = (Refund.id, Refund.entry_id, Refund.subscription_id, LedgerEntry.user_id)
    return looking_up.narrowed(query, LedgerEntry, about, wanted, looking_up.look_up(wanted.search))


def _loaded_topups(ids: Sequence[uuid.UUID]) -> list[CustomerTopUp]:
    query = select(TopUp, User).join(User, User.id == TopUp.user_id).where(TopUp.id.in_(ids))
    found = {topup.id: CustomerTopUp(topup, user) for topup, user in session().execute(query)}
    return [found[id_] for id_ in ids]


def _loaded_refunds(ids: Sequence[uuid.UUID]) -> list[CustomersRefund]:
    query = (
        select(Refund, LedgerEntry, User)
        .join(LedgerEntry, LedgerEntry.id == Refund.entry_id)
        .join(Subscription, Subscription.id == Refund.subscription_id)
        .join(User, User.id == Subscription.user_id)
        .where(Refund.id.in_(ids))
    )
    found = {row[0].id: CustomersRefund(*row) for row in session().execute(query)}
    return [found[id_] for id_ in ids]
