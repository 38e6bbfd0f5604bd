"""Reports for staff: subscriptions, customers and instances, now and over a span of days. Reads only.

What revenue is, is said in `revenue`. Shares are whole percents.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, and_, case, cast, exists, func, select

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.insights import revenue
from minispod.insights.spans import Span
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import LIVE, SubscriptionStatus
from minispod.wallet.models import Wallet

_TOP = 10
_IS_LIVE = Subscription.status.in_(LIVE)


@dataclass(frozen=True, slots=True)
class Share:
    """How many belong to a service, or to one plan of it."""

    service_id: uuid.UUID
    service_name: str
    number: int
    plan_id: uuid.UUID | None = None
    plan_name: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionReport:
    """Subscriptions in figures; `ended` are those of the span that stayed ended."""

    total: int
    active: int
    expired: int
    cancelled: int
    new: int
    ended: int
    monthly_recurring: int
    by_service: Sequence[Share]
    by_plan: Sequence[Share]

    @property
    def churn(self) -> int:
        """Of those that were live at some time of the span, the share that ended in it."""
        return _percent(self.ended, self.active + self.ended)


@dataclass(frozen=True, slots=True)
class Spender:
    """A customer who spent much."""

    user: User
    wallet: Wallet
    live: int


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """Accounts in figures; `active` signed in within the span, `with_subscriptions` ever ordered."""

    total: int
    new: int
    active: int
    with_subscriptions: int
    with_balance: int
    top: Sequence[Spender]
    growth: Sequence[tuple[date, int]]

    @property
    def conversion(self) -> int:
        """The share of the accounts that ever ordered."""
        return _percent(self.with_subscriptions, self.total)


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """Instances that are not deleted, and how many of all changed their status within the span."""

    total: int
    changed: int
    by_status: Sequence[tuple[InstanceStatus, int]]
    by_service: Sequence[Share]


def subscriptions(span: Span) -> SubscriptionReport:
    """Subscriptions now, and those that began and ended within the span."""
    status = Subscription.status
    row = (
        session()
        .execute(
            select(
                func.count(),
                func.count().filter(_IS_LIVE),
                func.count().filter(status == SubscriptionStatus.EXPIRED),
                func.count().filter(status == SubscriptionStatus.CANCELLED),
                func.count().filter(
                    Subscription.created_at >= span.since, Subscription.created_at < span.until
                ),
                func.count().filter(Subscription.ended_at >= span.since, Subscription.ended_at < span.until),
                revenue.MONTHLY_RECURRING,
            )
        )
        .one()
    )
    by_plan = _live_by_plan()
    total, active, expired, cancelled, new, ended, recurring = (int(each) for each in row)
    return SubscriptionReport(
        total, active, expired, cancelled, new, ended, recurring, _summed(by_plan), by_plan
    )


def customers(span: Span) -> CustomerReport:
    """Accounts now, those that came and were there within the span, and who spent most."""
    counts = (
        session()
        .execute(
            select(
                func.count(),
                func.count().filter(User.created_at >= span.since, User.created_at < span.until),
                func.count().filter(User.signed_in_at >= span.since, User.signed_in_at < span.until),
                func.count().filter(exists().where(Subscription.user_id == User.id)),
                func.count().filter(Wallet.balance > 0),
            )
            .select_from(User)
            .outerjoin(Wallet, Wallet.user_id == User.id)
        )
        .one()
    )
    total, new, active, ordered, with_balance = (int(each) for each in counts)
    return CustomerReport(total, new, active, ordered, with_balance, _top_spenders(), _growth(span))


def instances(span: Span) -> InstanceReport:
    """Instances by status and service, and how many changed within the span."""
    is_there = Instance.status != InstanceStatus.TERMINATED
    since = case(
        (and_(Instance.status_changed_at >= span.since, Instance.status_changed_at < span.until), 1), else_=0
    )
    rows = (
        session()
        .execute(
            select(Instance.status, func.count(), func.sum(since))
            .group_by(Instance.status)
            .order_by(func.count().desc(), Instance.status)
        )
        .all()
    )
    by_status = [
        (status, int(number)) for status, number, _ in rows if status is not InstanceStatus.TERMINATED
    ]
    by_service = session().execute(
        select(Service.id, Service.name, func.count())
        .select_from(Instance)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .where(is_there)
        .group_by(Service.id)
        .order_by(func.count().desc(), Service.name)
    )
    return InstanceReport(
        sum(number for _, number in by_status),
        sum(int(changed) for *_, changed in rows),
        by_status,
        [Share(id_, name, int(number)) for id_, name, number in by_service],
    )


def _live_by_plan() -> list[Share]:
    rows = session().execute(
        select(Service.id, Service.name, func.count(), Plan.id, Plan.name)
        .select_from(Subscription)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Service, Service.id == Subscription.service_id)
        .where(_IS_LIVE)
        .group_by(Service.id, Plan.id)
        .order_by(func.count().desc(), Service.name, Plan.name)
    )
    return [Share(*row) for row in rows]


def _summed(by_plan: Sequence[Share]) -> list[Share]:
    found: dict[uuid.UUID, Share] = {}
    for each in by_plan:
        before = found.get(each.service_id)
        number = each.number + (before.number if before else 0)
        found[each.service_id] = Share(each.service_id, each.service_name, number)
    return sorted(found.values(), key=lambda share: (-share.number, share.service_name))


def _top_spenders() -> list[Spender]:
    live = (
        select(func.count())
        .where(Subscription.user_id == User.id, _IS_LIVE)
        .correlate(User)
        .scalar_subquery()
    )
    rows = session().execute(
        select(User, Wallet, live)
        .join(Wallet, Wallet.user_id == User.id)
        .order_by(Wallet.total_spent.desc(), Wallet.user_id)
        .limit(_TOP)
    )
    return [Spender(user, wallet, int(number)) for user, wallet, number in rows]


def _growth(span: Span) -> list[tuple[date, int]]:
    day = cast(func.timezone(span.zone.key, User.created_at), Date).label("day")
    rows = session().execute(
        select(day, func.count())
        .where(User.created_at >= span.since, User.created_at < span.until)
        .group_by(day)
    )
    found = {each: int(number) for each, number in rows}
    days = span.newest_days((span.last - span.first).days + 1)
    return [(each, found.get(each, 0)) for each in reversed(days)]


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
