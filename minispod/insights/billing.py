"""The state of charging for staff: figures, who is short of credit, and what work waits. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload

from minispod.accounts.models import User
from minispod.insights import revenue, workload
from minispod.insights.workload import WaitingKind
from minispod.instances.models import Instance
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.tasks import Task
from minispod.subscriptions import rounds
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import month_start
from minispod.subscriptions.queries import OwnedSubscription
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet.models import Wallet

BILLING_WORK = frozenset({Task.ADVANCE_SUBSCRIPTION, Task.CREDIT_ARRIVED, Task.SEND_REMINDER})


@dataclass(frozen=True, slots=True)
class BillingFigures:
    """Charging in figures: `failed` are those whose last renewal could not be paid; money is of this month."""

    renewing: int
    due: int
    in_grace: int
    failed: int
    month_revenue: int
    monthly_recurring: int


@dataclass(frozen=True, slots=True)
class ShortOfCredit:
    """A subscription whose renewal is near, its owner, and the credit that does not cover it."""

    owned: OwnedSubscription
    owner: User
    balance: int


@dataclass(frozen=True, slots=True)
class BillingWork:
    """Charging that waits or runs in the background, and whether somebody is there to do it."""

    kinds: Sequence[WaitingKind]
    is_attended: bool

    @property
    def total(self) -> int:
        """Pieces of work in all."""
        return sum(kind.total for kind in self.kinds)


def figures(*, zone: ZoneInfo, at: datetime) -> BillingFigures:
    """Charging at this moment."""
    active = Subscription.status == SubscriptionStatus.ACTIVE
    counted = select(
        func.count().filter(active, Subscription.auto_renew.is_(True)),
        func.count().filter(and_(*rounds.is_due(at))),
        func.count().filter(and_(*rounds.is_in_grace())),
        func.count().filter(active, Subscription.failed_charges > 0),
        revenue.MONTHLY_RECURRING,
    ).where(active)
    renewing, due, in_grace, failed, recurring = (int(each) for each in session().execute(counted).one())
    earned = revenue.money(month_start(at, zone)).earned
    return BillingFigures(renewing, due, in_grace, failed, earned, recurring)


def short_of_credit(page: PageRequest, *, rules: BusinessRules, at: datetime) -> Page[ShortOfCredit]:
    """Subscriptions whose renewal is near or over and not covered, the nearest first."""
    query = (
        select(Subscription, Instance, User, Wallet.balance)
        .join(User, User.id == Subscription.user_id)
        .join(Wallet, Wallet.user_id == Subscription.user_id)
        .outerjoin(Instance, Instance.subscription_id == Subscription.id)
        .where(*rounds.is_short_of_credit(at, rules=rules))
        .order_by(Subscription.ends_at, Subscription.id)
        .options(joinedload(Subscription.plan), joinedload(Subscription.service))
    )
    found: Page[ShortOfCredit] = page_of(
        query, page, shape=lambda row: ShortOfCredit(OwnedSubscription(row[0], row[1]), row[2], row[3])
    )
    return found


def background_work(at: datetime) -> BillingWork:
    """Charging that waits or runs now."""
    kinds = [kind for kind in workload.waiting_work().kinds if kind.task in BILLING_WORK]
    return BillingWork(kinds, not workload.silent_processes(at))
