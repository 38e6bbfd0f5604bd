"""The calendar of one subscription: whatever is due is done, one step after another.

`advance` is the only act the clock calls; `expire` is the same end by the hand of staff. `advance` is harmless
when called too early, late, twice or in parallel: it locks the row, looks at the dates and does what they say.
Lock order: subscription, instance, wallet, plan.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from minispod.audit import trail
from minispod.catalog import quota
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.notifications.messages import MessageKind
from minispod.operations import last_backups
from minispod.subscriptions import change_outcome, renewal
from minispod.subscriptions.cancellation import cancel_unprovisioned
from minispod.subscriptions.errors import NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_instance_of, lock_own
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.subscriptions.telling import tell_customer

_MOST_STEPS = 36


class Step(StrEnum):
    """What a look at the calendar did."""

    RENEWED = "renewed"
    GRACE_STARTED = "grace_started"
    EXPIRED = "expired"
    CLOSED = "closed"
    GIVEN_BACK = "given_back"


def advance(subscription_id: uuid.UUID, *, rules: BusinessRules, actor: Actor, at: datetime) -> list[Step]:
    """Do everything that is due by `at`; an empty list when nothing is."""
    subscription: Subscription | None = lock(Subscription, subscription_id)
    steps: list[Step] = []
    if subscription is None:
        return steps
    while len(steps) < _MOST_STEPS:
        step = _next_step(subscription, rules, actor, at)
        if step is None:
            break
        steps.append(step)
    return steps


def expire(
    subscription_id: uuid.UUID, *, reason: str, rules: BusinessRules, actor: Actor, at: datetime
) -> Subscription:
    """Staff end the service before its time; the data are kept as after any expiry. Refuses NotActive."""
    subscription = lock_own(subscription_id, actor=actor)
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    instance = lock_instance_of(subscription)
    subscription.auto_renew = False
    _expire(subscription, instance, EndReason.ADMINISTRATOR, rules, actor, at, why=reason)
    return subscription


def _next_step(subscription: Subscription, rules: BusinessRules, actor: Actor, at: datetime) -> Step | None:
    if subscription.status is SubscriptionStatus.EXPIRED:
        if subscription.retention_until is not None and subscription.retention_until <= at:
            return _close(subscription, actor, at)
        return None
    if subscription.status is not SubscriptionStatus.ACTIVE:
        return None
    instance = lock_instance_of(subscription)
    if instance.is_beyond_repair(at):
        cancel_unprovisioned(subscription, instance, rules=rules, actor=actor, at=at)
        return Step.GIVEN_BACK
    if subscription.ends_at > at:
        return None
    return _period_over(subscription, instance, rules, actor, at)


def _period_over(
    subscription: Subscription, instance: Instance, rules: BusinessRules, actor: Actor, at: datetime
) -> Step | None:
    if not subscription.auto_renew:
        return _expire(subscription, instance, EndReason.AUTO_RENEW_OFF, rules, actor, at)
    if renewal.is_idle(subscription, rules=rules, at=at):
        return _expire(subscription, instance, EndReason.IDLE, rules, actor, at)
    if renewal.renew(subscription, rules=rules, actor=actor, at=at):
        return Step.RENEWED
    if rules.grace is None:
        return _expire(subscription, instance, EndReason.NO_CREDIT, rules, actor, at)
    if subscription.grace_until is None:
        renewal.begin_grace(subscription, rules.grace, rules=rules, actor=actor, at=at)
        return Step.GRACE_STARTED
    if subscription.grace_until <= at:
        return _expire(subscription, instance, EndReason.NO_CREDIT, rules, actor, at)
    return None


def _expire(
    subscription: Subscription,
    instance: Instance,
    reason: EndReason,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
    *,
    why: str | None = None,
) -> Step:
    """End the service, keep the data: the instance is stopped and the slot released (decision 18)."""
    subscription.turn(SubscriptionStatus.EXPIRED, at)
    subscription.end_reason = reason
    subscription.ended_at = at
    subscription.grace_until = None
    subscription.retention_until = at + rules.retention
    held = subscription.plan_id
    change_outcome.abandon(subscription, instance, actor=actor, at=at)
    controls.halt(instance, at=at)
    quota.release(held)
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_EXPIRED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        reason=reason.value,
        why=why,
    )
    tell_customer(
        MessageKind.EXPIRED,
        subscription,
        event=str(subscription.period_number),
        at=at,
        zone=rules.zone,
        kept_until=subscription.retention_until.astimezone(rules.zone).date().isoformat(),
        reason=reason.value,
    )
    return Step.EXPIRED


def _close(subscription: Subscription, actor: Actor, at: datetime) -> Step:
    """The retention is over: the data may go (decision 18). The slot was released at expiry."""
    instance = lock_instance_of(subscription)
    subscription.turn(SubscriptionStatus.CANCELLED, at)
    subscription.end_reason = EndReason.RETENTION_OVER
    subscription.retention_until = None
    last_backups.end(instance, actor=actor, at=at)
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_CANCELLED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        reason=EndReason.RETENTION_OVER.value,
    )
    return Step.CLOSED
