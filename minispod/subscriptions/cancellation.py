"""End a subscription for good: by the customer, by staff, or because it could never be provisioned."""

import uuid
from collections.abc import Callable
from datetime import datetime

from minispod.alerts.kinds import Rule
from minispod.audit import trail
from minispod.catalog import quota
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.money import Rupiah, format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.operations import last_backups
from minispod.promotions import redeeming
from minispod.subscriptions import change_outcome
from minispod.subscriptions.errors import AlreadyCancelled, NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_instance_of, lock_own
from minispod.subscriptions.refunding import Because, refund_entries, refund_in_full, refund_unused
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.subscriptions.telling import owner_name, tell_customer, tell_staff


def cancel(
    subscription_id: uuid.UUID, *, why: str | None = None, rules: BusinessRules, actor: Actor, at: datetime
) -> tuple[Subscription, Rupiah]:
    """Cancel at once and delete the instance; what never ran is refunded in full (decision 17).

    What the customer says about it is kept in the audit book. Refuses NoSuchSubscription, AlreadyCancelled.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if subscription.status is SubscriptionStatus.CANCELLED:
        raise AlreadyCancelled()
    instance = lock_instance_of(subscription)
    never_ran = instance.first_ran_at is None
    refund = _whole(subscription, actor, at) if never_ran else None
    refunded = _end(subscription, instance, EndReason.CUSTOMER, refund, actor, at, why=why)
    tell_customer(
        MessageKind.CANCELLED,
        subscription,
        event="cancelled",
        at=at,
        zone=rules.zone,
        entry_ids=refund_entries(subscription),
        refunded=format_rupiah(refunded) if refunded else None,
    )
    return subscription, refunded


def force_cancel(
    subscription_id: uuid.UUID,
    *,
    reason: str,
    with_refund: bool,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> tuple[Subscription, Rupiah]:
    """Staff cancel at once and delete the instance; on wish, what is paid and not used goes back (decision 13).

    What never ran goes back whole then. Refuses NoSuchSubscription, AlreadyCancelled.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if subscription.status is SubscriptionStatus.CANCELLED:
        raise AlreadyCancelled()
    instance = lock_instance_of(subscription)
    refund = None
    if with_refund and instance.first_ran_at is None:
        refund = _whole(subscription, actor, at)
    elif with_refund:
        refund = _unused(subscription, reason, rules, actor, at)
    refunded = _end(subscription, instance, EndReason.ADMINISTRATOR, refund, actor, at, why=reason)
    tell_customer(
        MessageKind.CANCELLED,
        subscription,
        event="cancelled",
        at=at,
        zone=rules.zone,
        entry_ids=refund_entries(subscription),
        refunded=format_rupiah(refunded) if refunded else None,
    )
    return subscription, refunded


def cancel_unprovisioned(
    subscription: Subscription, instance: Instance, *, rules: BusinessRules, actor: Actor, at: datetime
) -> None:
    """The repair window is over: refund in full, release the slot, tell both (decision 17). Rows are locked."""
    reason = instance.last_error or "The instance did not become ready."
    refund = _whole(subscription, actor, at)
    refunded = _end(subscription, instance, EndReason.NOT_PROVISIONED, refund, actor, at)
    tell_customer(
        MessageKind.PROVISIONING_REFUNDED,
        subscription,
        event="refunded",
        at=at,
        zone=rules.zone,
        entry_ids=refund_entries(subscription),
        refunded=format_rupiah(refunded),
        reason=reason,
    )
    tell_staff(
        Rule.ORDER_RETURNED,
        instance,
        f"Order of {instance.service_slug} given back",
        f"{instance.name} could not be provisioned: {reason} Customer: {owner_name(subscription.user_id)}, "
        f"refunded {format_rupiah(refunded)}.",
        event=f"{subscription.id}:refunded",
        at=at,
    )


def set_auto_renew(
    subscription_id: uuid.UUID, wanted: bool, *, actor: Actor, at: datetime, reason: str | None = None
) -> Subscription:
    """Switch automatic renewal; refuses NotActive."""
    subscription = lock_own(subscription_id, actor=actor)
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    subscription.auto_renew = wanted
    subscription.updated_at = at
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_AUTO_RENEW_CHANGED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        auto_renew=wanted,
        reason=reason,
    )
    return subscription


def _whole(subscription: Subscription, actor: Actor, at: datetime) -> Callable[[], Rupiah]:
    return lambda: refund_in_full(
        subscription, description="Refund: the instance never ran", actor=actor, at=at
    )


def _unused(
    subscription: Subscription, reason: str, rules: BusinessRules, actor: Actor, at: datetime
) -> Callable[[], Rupiah]:
    because = Because("Refund: the subscription was cancelled", reason)

    def refund() -> Rupiah:
        refunds = refund_unused(subscription, because=because, zone=rules.zone, actor=actor, at=at)
        return Rupiah(sum(each.amount for each in refunds))

    return refund


def _end(
    subscription: Subscription,
    instance: Instance,
    reason: EndReason,
    refund: Callable[[], Rupiah] | None,
    actor: Actor,
    at: datetime,
    *,
    why: str | None = None,
) -> Rupiah:
    held = subscription.plan_id if subscription.is_active else None
    returned = change_outcome.abandon(subscription, instance, actor=actor, at=at)
    refunded = Rupiah(returned + (refund() if refund else 0))
    subscription.turn(SubscriptionStatus.CANCELLED, at)
    subscription.end_reason = reason
    subscription.ended_at = at
    subscription.auto_renew = False
    subscription.grace_until = None
    subscription.retention_until = None
    last_backups.end(instance, actor=actor, at=at)
    if instance.first_ran_at is None:  # what never ran has used no coupon either
        redeeming.give_back(subscription.id, actor=actor, at=at)
    if held is not None:  # an expired one gave its slot back already (decision 18)
        quota.release(held)
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_CANCELLED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        reason=reason.value,
        refunded=refunded,
        why=why,
    )
    return refunded
