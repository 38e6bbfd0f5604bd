"""Subscriptions in figures: how many, of what, in which state, and what they bring in each month.

The recurring sum, said in `revenue`, is a promise, not revenue; that is in the ledger. The range is one of when they
were ordered. Two statements in all.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select, true

from minispod.catalog.models import Plan, Service
from minispod.insights import revenue
from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus

_ACTIVE = Subscription.status == SubscriptionStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Share:
    """What of all belongs to one service, or to one plan."""

    id: uuid.UUID
    name: str
    service_name: str
    total: int
    active: int
    recurring: int


@dataclass(frozen=True, slots=True)
class SubscriptionFigures:
    """All together; rupiah each month."""

    by_status: dict[str, int]
    services: list[Share]
    plans: list[Share]
    customers: int

    @property
    def total(self) -> int:
        """Number of subscriptions."""
        return sum(self.by_status.values())

    @property
    def recurring(self) -> int:
        """What comes in each month."""
        return sum(each.recurring for each in self.services)

    @property
    def per_customer(self) -> int:
        """The same per customer with an active subscription, rounded half up."""
        return (2 * self.recurring + self.customers) // (2 * self.customers) if self.customers else 0

    @property
    def cancelled_percent(self) -> float:
        """The part that was cancelled, to two decimals."""
        cancelled = self.by_status.get(SubscriptionStatus.CANCELLED, 0)
        return round(cancelled * 100 / self.total, 2) if self.total else 0.0


def count_subscriptions(since: datetime | None, until: datetime | None) -> SubscriptionFigures:
    """The figures of subscriptions ordered from `since` to `until`; None: without that end."""
    within = _within(since, until)
    rows = (
        session()
        .execute(
            select(Service, Plan, Subscription.status, func.count(), revenue.MONTHLY_RECURRING)
            .join(Plan, Plan.id == Subscription.plan_id)
            .join(Service, Service.id == Subscription.service_id)
            .where(within)
            .group_by(Service.id, Plan.id, Subscription.status)
            .order_by(Service.name, Plan.sort_order, Plan.name)
        )
        .all()
    )
    customers = session().scalar(select(func.count(Subscription.user_id.distinct())).where(within, _ACTIVE))
    by_status: dict[str, int] = {}
    services: dict[uuid.UUID, Share] = {}
    plans: dict[uuid.UUID, Share] = {}
    for service, plan, status, number, sum_ in rows:
        by_status[status.value] = by_status.get(status.value, 0) + int(number)
        active = int(number) if status is SubscriptionStatus.ACTIVE else 0
        part = Share(service.id, service.name, service.name, int(number), active, int(sum_))
        services[service.id] = _plus(services.get(service.id), part)
        part = Share(plan.id, plan.name, service.name, int(number), active, int(sum_))
        plans[plan.id] = _plus(plans.get(plan.id), part)
    return SubscriptionFigures(by_status, list(services.values()), list(plans.values()), int(customers or 0))


def _within(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    ends = [
        Subscription.created_at >= since if since is not None else true(),
        Subscription.created_at <= until if until is not None else true(),
    ]
    return and_(*ends)


def _plus(known: Share | None, more: Share) -> Share:
    if known is None:
        return more
    return Share(
        known.id,
        known.name,
        known.service_name,
        known.total + more.total,
        known.active + more.active,
        known.recurring + more.recurring,
    )
