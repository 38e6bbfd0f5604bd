"""The first page of the front end's administration: a few figures, two alarms, and what moved last. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select

from minispod.accounts.models import User
from minispod.catalog.models import Plan
from minispod.catalog.queries import Level, is_of
from minispod.insights import revenue, transactions
from minispod.insights.revenue import Money
from minispod.insights.spans import PeriodName, last_days
from minispod.insights.transactions import CustomersTransaction
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import Base, session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import LIVE, SubscriptionStatus
from minispod.wallet.models import Wallet

_LOW_BALANCE = 50_000
_NEWEST = 10


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything on the page; `money` is of the last 30 days, deleted accounts and instances are not counted."""

    money: Money
    users: int
    active: int
    instances: int
    low_balances: int
    critical_plans: int
    newest: Sequence[CustomersTransaction]


def dashboard(*, zone: ZoneInfo, at: datetime) -> Dashboard:
    """The page at this moment."""
    span = last_days(PeriodName.MONTH, zone=zone, at=at)
    counts = session().execute(
        select(
            _count_of(User, User.deleted_at.is_(None)),
            _count_of(Subscription, Subscription.status == SubscriptionStatus.ACTIVE),
            _count_of(Instance, Instance.status != InstanceStatus.TERMINATED),
            _count_of(Wallet, Wallet.balance > 0, Wallet.balance < _LOW_BALANCE, _has_live_subscription()),
            # The counter is the number of live subscriptions; the nightly proof sees to it.
            _count_of(Plan, is_of(Level.CRITICAL)),
        )
    )
    users, active, instances, low, critical = (int(each) for each in counts.one())
    return Dashboard(
        revenue.money(span.since), users, active, instances, low, critical, transactions.newest(_NEWEST)
    )


def _count_of(model: type[Base], *wanted: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(model).where(*wanted).scalar_subquery()


def _has_live_subscription() -> ColumnElement[bool]:
    return exists().where(Subscription.user_id == Wallet.user_id, Subscription.status.in_(LIVE))
