"""What needs a person now, and the figures of the day: read once for the administration's first page.

Days and months are those of the billing time zone. Revenue is what was charged for subscriptions and
upgrades, less what of it was refunded; credit that customers hold is not revenue. Nothing here writes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from minispod.accounts.models import User
from minispod.cluster.capacity import workers_of
from minispod.cluster.port import NodeSighting
from minispod.insights.workload import LateWork, late_work, silent_processes
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.notifications.models import DeliveryState, Notification
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import day_start, month_start
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet.models import CHARGE_REFUNDS, EntryKind, EntryType, LedgerEntry
from minispod.wallet.statements import MoneyDifference, differences

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Some:
    """The first few of something, and how many there are in all."""

    items: Sequence[object]
    total: int


@dataclass(frozen=True, slots=True)
class Attention:
    """Everything that waits for a person; empty parts are fine."""

    failed_instances: Some
    review: Some
    grace: Some
    undelivered: Some
    late: LateWork
    differences: Sequence[MoneyDifference]
    silent_processes: Sequence[tuple[str, datetime | None]]
    cluster_silent_since: datetime | None
    nodes_not_ready: Sequence[NodeSighting]

    @property
    def count(self) -> int:
        """Number of kinds of trouble."""
        return sum(
            (
                self.failed_instances.total > 0,
                self.review.total > 0,
                self.grace.total > 0,
                self.undelivered.total > 0,
                self.late.total > 0,
                bool(self.differences),
                bool(self.silent_processes),
                self.cluster_silent_since is not None,
                bool(self.nodes_not_ready),
            )
        )


@dataclass(frozen=True, slots=True)
class Takings:
    """Money of a span: earned from subscriptions, and received as credit."""

    revenue: int
    topped_up: int


@dataclass(frozen=True, slots=True)
class Business:
    """Money today and this month, and what comes in each month from what runs now."""

    today: Takings
    month: Takings
    live: int
    monthly_recurring: int


@dataclass(frozen=True, slots=True)
class Utilisation:
    """The workers in sum: what can be given, what is requested, what is used (None: no metrics)."""

    cpu_allocatable: int
    cpu_requested: int
    cpu_used: int | None
    memory_allocatable: int
    memory_requested: int
    memory_used: int | None


def attention(nodes: Sequence[NodeSighting], silent_since: datetime | None, *, at: datetime) -> Attention:
    """Everything that waits for a person at this moment."""
    return Attention(
        failed_instances=_failed_instances(),
        review=_in_review(),
        grace=_in_grace(),
        undelivered=_undelivered(),
        late=late_work(at),
        differences=differences(),
        silent_processes=silent_processes(at),
        cluster_silent_since=silent_since,
        nodes_not_ready=[node for node in nodes if not node.is_ready],
    )


def business(*, zone: ZoneInfo, at: datetime) -> Business:
    """Money and subscriptions at this moment."""
    live, recurring = (
        session()
        .execute(
            select(func.count(), func.coalesce(func.sum(Subscription.price), 0)).where(
                Subscription.status == SubscriptionStatus.ACTIVE
            )
        )
        .one()
    )
    return Business(takings(day_start(at, zone)), takings(month_start(at, zone)), int(live), int(recurring))


def takings(since: datetime) -> Takings:
    """What was earned and received since an instant."""
    charged = func.sum(-LedgerEntry.delta).filter(
        or_(
            LedgerEntry.type.in_((EntryType.SUBSCRIPTION, EntryType.UPGRADE)),
            LedgerEntry.kind.in_(CHARGE_REFUNDS),
        )
    )
    received = func.sum(LedgerEntry.delta).filter(
        LedgerEntry.kind.in_((EntryKind.TOPUP, EntryKind.TOPUP_REVERSAL))
    )
    revenue, topped_up = (
        session()
        .execute(
            select(func.coalesce(charged, 0), func.coalesce(received, 0)).where(
                LedgerEntry.created_at >= since
            )
        )
        .one()
    )
    return Takings(int(revenue), int(topped_up))


def utilisation(nodes: Sequence[NodeSighting]) -> Utilisation | None:
    """What the workers can give and what is taken; None while no node was ever seen."""
    workers = workers_of(nodes)
    if not workers:
        return None
    cpu, memory = [node.cpu_used for node in workers], [node.memory_used for node in workers]
    return Utilisation(
        sum(node.cpu_allocatable for node in workers),
        sum(node.cpu_requested for node in workers),
        None if None in cpu else sum(used or 0 for used in cpu),
        sum(node.memory_allocatable for node in workers),
        sum(node.memory_requested for node in workers),
        None if None in memory else sum(used or 0 for used in memory),
    )


def owners_of(user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, User]:
    """The accounts behind several things at once."""
    rows = session().scalars(select(User).where(User.id.in_(set(user_ids))))
    return {row.id: row for row in rows}


def _failed_instances() -> Some:
    failed = Instance.status == InstanceStatus.ERROR
    rows = (
        session()
        .execute(
            select(Instance, User)
            .join(User, User.id == Instance.user_id)
            .where(failed)
            .order_by(Instance.status_changed_at.desc())
            .limit(_SHOWN)
        )
        .all()
    )
    return Some(rows, _count(select(func.count()).select_from(Instance).where(failed)))


def _in_review() -> Some:
    held = TopUp.state == TopUpState.REVIEW
    rows = (
        session()
        .execute(
            select(TopUp, User)
            .join(User, User.id == TopUp.user_id)
            .where(held)
            .order_by(TopUp.updated_at.desc())
            .limit(_SHOWN)
        )
        .all()
    )
    return Some(rows, _count(select(func.count()).select_from(TopUp).where(held)))


def _in_grace() -> Some:
    waiting = (
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.grace_until.is_not(None),
    )
    rows = (
        session()
        .execute(
            select(Subscription, User)
            .join(User, User.id == Subscription.user_id)
            .where(*waiting)
            .order_by(Subscription.grace_until)
            .limit(_SHOWN)
            .options(joinedload(Subscription.service), joinedload(Subscription.plan))
        )
        .all()
    )
    return Some(rows, _count(select(func.count()).select_from(Subscription).where(*waiting)))


def _undelivered() -> Some:
    failed = Notification.state == DeliveryState.FAILED
    rows = (
        session()
        .scalars(select(Notification).where(failed).order_by(Notification.created_at.desc()).limit(_SHOWN))
        .all()
    )
    return Some(rows, _count(select(func.count()).select_from(Notification).where(failed)))


def _count(statement: object) -> int:
    return int(session().scalar(statement) or 0)  # type: ignore[call-overload]
