"""What needs a person now, and the figures of the day: read once for the administration's first page.

Days and months are those of the billing time zone. What revenue is, and the recurring sum, is said in `revenue`.
Nothing here writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from minispod.accounts.models import User
from minispod.alerts import queries as alert_book
from minispod.alerts.kinds import Rule
from minispod.cluster.capacity import workers_of
from minispod.cluster.port import NodeSighting
from minispod.insights import adjustments, backups, recurring, revenue
from minispod.insights.recurring import RecurringNow
from minispod.insights.workload import LateWork, late_work, silent_processes
from minispod.instances.models import Instance
from minispod.instances.orphans import count_orphans
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import first_of, session
from minispod.kernel.paging import Page
from minispod.notifications.models import DeliveryState, Notification
from minispod.payments.models import TopUp, TopUpRefund
from minispod.payments.states import RefundState, TopUpState
from minispod.proof import history
from minispod.proof.history import Standing
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import day_start, month_start
from minispod.subscriptions.states import SubscriptionStatus
from minispod.tickets import queue
from minispod.tickets.queue import Queued
from minispod.wallet.models import Wallet

_SHOWN = 8
_REFUSAL_SHOWN = timedelta(days=7)
_REFUND_TAKES = timedelta(minutes=15)
# Alerts about what the page shows in a part of its own, as it is at this very moment and with more to do about it.
_SHOWN_APART = frozenset(
    {
        Rule.CLUSTER_SILENT,
        Rule.NODE_DOWN,
        Rule.INSTANCE_FAILED,
        Rule.BACKUP_FAILED,
        Rule.BACKUP_OVERDUE,
        Rule.DELETION_WAITS,
        Rule.JOB_STUCK,
        Rule.PAYMENT_HELD,
        Rule.PROOF_DIFFERS,
    }
)


@dataclass(frozen=True, slots=True)
class Some:
    """The first few of something, and how many there are in all."""

    items: Sequence[object]
    total: int


@dataclass(frozen=True, slots=True)
class Attention:
    """Everything that waits for a person; empty parts are fine."""

    alerts: Some
    failed_instances: Some
    review: Some
    refunds: Some
    debts: Some
    adjustments: Some
    grace: Some
    undelivered: Some
    backups: Some
    undecided: Some
    tickets: Page[Queued]
    late: LateWork
    proof: Standing
    silent_processes: Sequence[tuple[str, datetime | None]]
    cluster_silent_since: datetime | None
    nodes_not_ready: Sequence[NodeSighting]
    orphans: int

    @property
    def count(self) -> int:
        """Number of kinds of trouble."""
        return sum(
            (
                self.alerts.total > 0,
                self.failed_instances.total > 0,
                self.review.total > 0,
                self.refunds.total > 0,
                self.debts.total > 0,
                self.adjustments.total > 0,
                self.grace.total > 0,
                self.undelivered.total > 0,
                self.backups.total > 0,
                self.undecided.total > 0,
                self.tickets.total > 0,
                self.late.total > 0,
                not self.proof.is_calm,
                bool(self.silent_processes),
                self.cluster_silent_since is not None,
                bool(self.nodes_not_ready),
                self.orphans > 0,
            )
        )


@dataclass(frozen=True, slots=True)
class Takings:
    """Money of a span: earned from subscriptions, and received as credit."""

    revenue: int
    topped_up: int


@dataclass(frozen=True, slots=True)
class PendingTopUps:
    """Top-ups that the customer may still pay, and what they would bring."""

    number: int
    amount: int


@dataclass(frozen=True, slots=True)
class Business:
    """Money today and this month, MRR, and of what is live, what renews and comes in each month from that."""

    today: Takings
    month: Takings
    recurring: RecurringNow
    live: int
    renewing: int
    monthly_recurring: int
    pending: PendingTopUps


@dataclass(frozen=True, slots=True)
class Utilisation:
    """The workers in sum: what can be given, what is requested, what is used (None: no metrics)."""

    cpu_allocatable: int
    cpu_requested: int
    cpu_used: int | None
    memory_allocatable: int
    memory_requested: int
    memory_used: int | None


def attention(
    nodes: Sequence[NodeSighting],
    silent_since: datetime | None,
    *,
    backup_alarm: timedelta,
    at: datetime,
) -> Attention:
    """Everything that waits for a person at this moment."""
    return Attention(
        alerts=_calling(at),
        failed_instances=_failed_instances(),
        review=_in_review(),
        refunds=_refunds_that_stopped(at),
        debts=_in_debt(),
        adjustments=_unconfirmed(at),
        grace=_in_grace(),
        undelivered=_undelivered(),
        backups=_in_backup_trouble(backup_alarm, at),
        undecided=_undecided(),
        tickets=queue.list_waiting(_SHOWN),
        late=late_work(at),
        proof=history.standing(at),
        silent_processes=silent_processes(at),
        cluster_silent_since=silent_since,
        nodes_not_ready=[node for node in nodes if not node.is_ready],
        orphans=count_orphans(at=at),
    )


def business(*, zone: ZoneInfo, at: datetime) -> Business:
    """Money and subscriptions at this moment."""
    renews = Subscription.auto_renew.is_(True)
    wanted = select(
        func.count(),
        func.count().filter(renews),
        revenue.MONTHLY_RECURRING,
    ).where(Subscription.status == SubscriptionStatus.ACTIVE)
    live, renewing, monthly = session().execute(wanted).one()
    before, day = revenue.money_in_two(month_start(at, zone), day_start(at, zone))
    return Business(
        _takings(day),
        _takings(before + day),
        recurring.now(at=at),
        int(live),
        int(renewing),
        int(monthly),
        _pending_topups(at),
    )


def _takings(found: revenue.Money) -> Takings:
    return Takings(found.earned, found.topped_up)


def _pending_topups(at: datetime) -> PendingTopUps:
    number, amount = (
        session()
        .execute(
            select(func.count(), func.coalesce(func.sum(TopUp.amount), 0)).where(
                TopUp.state == TopUpState.PENDING, TopUp.expires_at > at
            )
        )
        .one()
    )
    return PendingTopUps(int(number), int(amount))


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


def _calling(at: datetime) -> Some:
    return _some(alert_book.list_calling(at, but=_SHOWN_APART, limit=_SHOWN))


def _failed_instances() -> Some:
    return _first(
        select(Instance, User)
        .join(User, User.id == Instance.user_id)
        .where(Instance.status == InstanceStatus.ERROR)
        .order_by(Instance.status_changed_at.desc())
    )


def _in_review() -> Some:
    return _first(
        select(TopUp, User)
        .join(User, User.id == TopUp.user_id)
        .where(TopUp.state == TopUpState.REVIEW)
        .order_by(TopUp.updated_at.desc())
    )


def _unconfirmed(at: datetime) -> Some:
    return _some(adjustments.waiting(at=at, limit=_SHOWN))


def _refunds_that_stopped(at: datetime) -> Some:
    """Refunds the gateway refused lately, and those whose outcome nobody knows for too long."""
    refused = and_(TopUpRefund.state == RefundState.REFUSED, TopUpRefund.settled_at > at - _REFUSAL_SHOWN)
    stuck = and_(
        TopUpRefund.state.in_((RefundState.ASKED, RefundState.SENT)),
        TopUpRefund.asked_at < at - _REFUND_TAKES,
    )
    # One that was asked for again is the newer one's business.
    newer = aliased(TopUpRefund)
    is_last = ~exists().where(newer.topup_id == TopUpRefund.topup_id, newer.asked_at > TopUpRefund.asked_at)
    return _first(
        select(TopUpRefund, TopUp)
        .join(TopUp, TopUp.id == TopUpRefund.topup_id)
        .where(or_(refused, stuck), is_last)
        .order_by(TopUpRefund.asked_at.desc())
    )


def _in_debt() -> Some:
    """Customers who owe what the gateway took back, with the top-up it was last taken from."""
    last_taken = (
        select(TopUp.id)
        .where(TopUp.user_id == Wallet.user_id, TopUp.reversed_amount > 0)
        .order_by(TopUp.updated_at.desc(), TopUp.number.desc())
        .limit(1)
        .correlate(Wallet)
        .scalar_subquery()
    )
    return _first(
        select(Wallet, User, TopUp)
        .join(User, User.id == Wallet.user_id)
        .outerjoin(TopUp, TopUp.id == last_taken)
        .where(Wallet.gateway_debt > 0)
        .order_by(Wallet.gateway_debt.desc())
    )


def _in_grace() -> Some:
    return _first(
        select(Subscription, User)
        .join(User, User.id == Subscription.user_id)
        .where(Subscription.status == SubscriptionStatus.ACTIVE, Subscription.grace_until.is_not(None))
        .order_by(Subscription.grace_until)
        .options(joinedload(Subscription.service), joinedload(Subscription.plan))
    )


def _in_backup_trouble(alarm: timedelta, at: datetime) -> Some:
    return _some(backups.troubled(alarm=alarm, at=at, limit=_SHOWN))


def _undecided() -> Some:
    """Deletions that wait for a decision about a last backup: each was told to staff, so there are few."""
    found = backups.undecided()
    return Some(found[:_SHOWN], len(found))


def _undelivered() -> Some:
    return _first(
        select(Notification)
        .where(Notification.state == DeliveryState.FAILED)
        .order_by(Notification.created_at.desc())
    )


def _first(statement: Select[*tuple[Any, ...]]) -> Some:
    return _some(first_of(statement, _SHOWN))


def _some(found: Page[Any]) -> Some:
    return Some(found.items, found.total)
