"""What one customer waits for a person for, at this moment: for the top of the customer's page. Reads only.

Each kind is one question by an index of the customer's rows. What may be done about it, and whether, the acts decide.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, cast, or_, select, union_all
from sqlalchemy import String as Text
from sqlalchemy.orm import joinedload

from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.notifications.models import DeliveryState, Notification
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.tickets.models import Ticket
from minispod.tickets.states import TicketStatus
from minispod.wallet.models import Adjustment
from minispod.wallet.states import AdjustmentState

_SHOWN = 5
# Alerts about what stands here by itself, with more to do about it.
_SHOWN_APART = frozenset({Rule.INSTANCE_FAILED, Rule.PAYMENT_HELD, Rule.DELETION_WAITS})


@dataclass(frozen=True, slots=True)
class Needs:
    """The first few of each kind; what the wallet owes is the wallet's to say."""

    failed: Sequence[Instance]
    undecided: Sequence[Instance]
    held: Sequence[TopUp]
    unpaid: Sequence[TopUp]
    adjustments: Sequence[Adjustment]
    waiting: Sequence[Subscription]
    tickets: Sequence[Ticket]
    undelivered: Sequence[Notification]
    alerts: Sequence[Alert]

    @property
    def is_calm(self) -> bool:
        """Tell whether nothing waits; a top-up that may still be paid is the customer's to do."""
        return not any(
            (
                self.failed,
                self.undecided,
                self.held,
                self.adjustments,
                self.waiting,
                self.tickets,
                self.undelivered,
                self.alerts,
            )
        )


def needs_of(user_id: uuid.UUID, *, at: datetime) -> Needs:
    """Everything that waits about one customer."""
    troubled = _troubled_instances(user_id)
    topups = _open_topups(user_id, at)
    return Needs(
        failed=[each for each in troubled if each.status is InstanceStatus.ERROR],
        undecided=[each for each in troubled if each.awaits_last_backup],
        held=[each for each in topups if each.state is TopUpState.REVIEW],
        unpaid=[each for each in topups if each.state is TopUpState.PENDING],
        adjustments=_unconfirmed(user_id, at),
        waiting=_without_credit(user_id),
        tickets=_open_tickets(user_id),
        undelivered=_undelivered(user_id),
        alerts=_open_alerts(user_id),
    )


def about(user_id: uuid.UUID, rules: Collection[Rule] = tuple(Rule)) -> ColumnElement[bool]:
    """The condition that an alert is about an instance or a top-up of this customer."""
    kinds = (("instance", Instance), ("topup", TopUp))
    return and_(
        Alert.rule.in_(rules),  # the index of subjects begins with the rule
        or_(
            *(
                and_(
                    Alert.subject_kind == kind,
                    Alert.subject_id.in_(select(cast(table.id, Text)).where(table.user_id == user_id)),
                )
                for kind, table in kinds
            )
        ),
    )


def _open_alerts(user_id: uuid.UUID) -> Sequence[Alert]:
    wanted = select(Alert).where(Alert.resolved_at.is_(None), about(user_id, frozenset(Rule) - _SHOWN_APART))
    return session().scalars(wanted.order_by(Alert.opened_at.desc()).limit(_SHOWN)).all()


def _troubled_instances(user_id: uuid.UUID) -> Sequence[Instance]:
    wanted = (
        select(Instance)
        .where(
            Instance.user_id == user_id,
            or_(Instance.status == InstanceStatus.ERROR, Instance.awaits_last_backup),
        )
        .order_by(Instance.status_changed_at.desc())
        .limit(2 * _SHOWN)
    )
    return session().scalars(wanted).all()


def _open_topups(user_id: uuid.UUID, at: datetime) -> Sequence[TopUp]:
    """Those that are held, and then those that may still be paid."""
    ways = (
        TopUp.state == TopUpState.REVIEW,
        and_(TopUp.state == TopUpState.PENDING, TopUp.expires_at > at),
    )
    ids = union_all(
        *(
            select(TopUp.id)
            .where(TopUp.user_id == user_id, way)
            .order_by(TopUp.created_at.desc())
            .limit(_SHOWN)
            for way in ways
        )
    )
    wanted = select(TopUp).where(TopUp.id.in_(ids)).order_by(TopUp.created_at.desc())
    return session().scalars(wanted).all()


def _unconfirmed(user_id: uuid.UUID, at: datetime) -> Sequence[Adjustment]:
    wanted = (
        select(Adjustment)
        .where(
            Adjustment.user_id == user_id,
            Adjustment.state == AdjustmentState.PENDING,
            Adjustment.expires_at > at,
        )
        .order_by(Adjustment.requested_at)
        .limit(_SHOWN)
    )
    return session().scalars(wanted).all()


def _without_credit(user_id: uuid.UUID) -> Sequence[Subscription]:
    """Subscriptions that run on borrowed time, and those that stand still while their data are kept."""
    wanted = (
        select(Subscription)
        .where(
            Subscription.user_id == user_id,
            or_(
                and_(Subscription.status == SubscriptionStatus.ACTIVE, Subscription.grace_until.is_not(None)),
                Subscription.status == SubscriptionStatus.EXPIRED,
            ),
        )
        .order_by(Subscription.ends_at)
        .limit(_SHOWN)
        .options(joinedload(Subscription.service), joinedload(Subscription.plan))
    )
    return session().scalars(wanted).all()


def _open_tickets(user_id: uuid.UUID) -> Sequence[Ticket]:
    wanted = (
        select(Ticket)
        .where(Ticket.user_id == user_id, Ticket.status != TicketStatus.CLOSED)
        .order_by(Ticket.answer_due_at)
        .limit(_SHOWN)
    )
    return session().scalars(wanted).all()


def _undelivered(user_id: uuid.UUID) -> Sequence[Notification]:
    wanted = (
        select(Notification)
        .where(Notification.user_id == user_id, Notification.state == DeliveryState.FAILED)
        .order_by(Notification.created_at.desc())
        .limit(_SHOWN)
    )
    return session().scalars(wanted).all()
