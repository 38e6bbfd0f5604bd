"""What staff do for one customer's subscription: refund a part, extend the running period.

Each needs a reason, which the audit trail keeps. Lock order: subscription, instance, wallet.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.audit import trail
from minispod.catalog.models import Service
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah, format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions import refunding
from minispod.subscriptions.errors import NotActive, RequestKeyReused
from minispod.subscriptions.models import Period, Refund, Subscription
from minispod.subscriptions.queries import lock_own
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.telling import tell_customer


@dataclass(frozen=True, slots=True)
class Refunded:
    """What one act gave back, charge by charge."""

    subscription: Subscription
    refunds: tuple[Refund, ...]
    is_repeat: bool = False

    @property
    def amount(self) -> Rupiah:
        """All of it together."""
        return Rupiah(sum(each.amount for each in self.refunds))


def refund(
    subscription_id: uuid.UUID,
    amount: int | None,
    *,
    reason: str,
    request_key: str | None = None,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> Refunded:
    """Give back `amount` of what it cost, or (None) all that is left of it, newest charges first.

    Refuses NoSuchSubscription, RefundTooLarge, RequestKeyReused. A repeat with the same `request_key` returns
    what the first one gave back. Locks the wallet.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if made := tuple(refunding.find_repeat(subscription, request_key)):
        repeat = Refunded(subscription, made, is_repeat=True)
        if amount is not None and amount != repeat.amount:
            raise RequestKeyReused()
        return repeat
    wanted = refunding.refundable(subscription.id) if amount is None else amount
    service = session().get_one(Service, subscription.service_id)
    because = refunding.Because(f"Refund for {service.name}: {reason}", reason, request_key)
    given = refunding.give_back(subscription, wanted, because=because, actor=actor, at=at)
    done = Refunded(subscription, tuple(given))
    subscription.updated_at = at
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_REFUNDED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        refunded=done.amount,
        reason=reason,
    )
    tell_customer(
        MessageKind.REFUNDED,
        subscription,
        event=str(given[0].id),
        at=at,
        zone=rules.zone,
        entry_ids=[each.entry_id for each in given],
        refunded=format_rupiah(done.amount),
        reason=reason,
    )
    return done


def extend(
    subscription_id: uuid.UUID,
    days: int,
    *,
    reason: str,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> tuple[Subscription, datetime]:
    """Let the running period end `days` later, for nothing; returns also when it would have ended.

    Periods count from the new end then. Refuses NoSuchSubscription, NotActive.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    running = (
        session()
        .scalars(
            select(Period).where(
                Period.subscription_id == subscription.id, Period.number == subscription.period_number
            )
        )
        .one()
    )
    before = subscription.ends_at
    running.ends_at = subscription.ends_at = before + timedelta(days=days)
    subscription.anchor_at = subscription.ends_at
    subscription.anchor_period = subscription.period_number + 1
    subscription.grace_until = None
    subscription.updated_at = at
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_EXTENDED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        days=days,
        until=subscription.ends_at.isoformat(),
        reason=reason,
    )
    tell_customer(
        MessageKind.EXTENDED,
        subscription,
        event=f"{subscription.period_number}:{subscription.ends_at.date().isoformat()}",
        at=at,
        zone=rules.zone,
        days=days,
        reason=reason,
    )
    return subscription, before
