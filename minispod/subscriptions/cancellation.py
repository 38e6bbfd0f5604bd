"""End a subscription for good: by the customer, or because it could never be provisioned."""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.catalog import quota
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.money import Rupiah, format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions.charging import refund_entries, refund_in_full
from minispod.subscriptions.errors import AlreadyCancelled, NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_instance_of, lock_own
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.subscriptions.telling import owner_name, tell_customer, tell_staff


def cancel(
    subscription_id: uuid.UUID, *, rules: BusinessRules, actor: Actor, at: datetime
) -> tuple[Subscription, Rupiah]:
    """Cancel at once and delete the instance; what never ran is refunded in full (decision 17).

    Refuses NoSuchSubscription, AlreadyCancelled.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if subscription.status is SubscriptionStatus.CANCELLED:
        raise AlreadyCancelled()
    instance = lock_instance_of(subscription)
    never_ran = instance.first_ran_at is None
    refunded = _end(
        subscription, instance, EndReason.CUSTOMER, refund=never_ran, rules=rules, actor=actor, at=at
    )
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
    refunded = _end(
        subscription, instance, EndReason.NOT_PROVISIONED, refund=True, rules=rules, actor=actor, at=at
    )
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
        f"Order of {instance.service_slug} given back",
        f"{instance.name} could not be provisioned: {reason} Customer: {owner_name(subscription.user_id)}, "
        f"refunded {format_rupiah(refunded)}.",
        event=f"{subscription.id}:refunded",
        at=at,
    )


def set_auto_renew(subscription_id: uuid.UUID, wanted: bool, *, actor: Actor, at: datetime) -> Subscription:
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
    )
    return subscription


def _end(
    subscription: Subscription,
    instance: Instance,
    reason: EndReason,
    *,
    refund: bool,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> Rupiah:
    held_slot = subscription.is_active
    subscription.turn(SubscriptionStatus.CANCELLED, at)
    subscription.end_reason = reason
    subscription.ended_at = at
    subscription.auto_renew = False
    subscription.grace_until = None
    subscription.retention_until = None
    controls.end(instance, at=at)
    refunded = Rupiah(0)
    if refund:
        refunded = refund_in_full(
            subscription, description="Refund: the instance never ran", actor=actor, at=at
        )
    if held_slot:  # an expired one gave its slot back already (decision 18)
        quota.release(subscription.plan_id)
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_CANCELLED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        reason=reason.value,
        refunded=refunded,
    )
    return refunded
