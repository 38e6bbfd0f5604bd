"""Credit has arrived: whatever of this customer waits for money goes on at once (decision 33).

Each subscription is revived in a unit of work of its own, so that one that is sold out does not hold
back the others. What ended by the customer's own wish is not taken up again without being asked.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from minispod.accounts import directory
from minispod.accounts.errors import NoSuchUser
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.instances import controls
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.notifications.messages import MessageKind
from minispod.subscriptions import renewal
from minispod.subscriptions.charging import charge_period, due_price
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.ordering import begin_again
from minispod.subscriptions.queries import lock_instance_of
from minispod.subscriptions.room import take_place
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.subscriptions.telling import tell_customer
from minispod.wallet import ledger


def waiting_for_money(user_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Subscriptions of this customer in payment grace or expired for lack of credit, oldest end first.

    Nothing waits for a customer who was deleted; a deactivated one's run on (decision 19).
    """
    grace = (
        (Subscription.status == SubscriptionStatus.ACTIVE)
        & Subscription.grace_until.is_not(None)
        & Subscription.auto_renew.is_(True)
    )
    expired = (Subscription.status == SubscriptionStatus.EXPIRED) & (
        Subscription.end_reason == EndReason.NO_CREDIT
    )
    return (
        session()
        .scalars(
            select(Subscription.id)
            .join(User, User.id == Subscription.user_id)
            .where(Subscription.user_id == user_id, User.deleted_at.is_(None), or_(grace, expired))
            .order_by(Subscription.ends_at)
        )
        .all()
    )


def revive(subscription_id: uuid.UUID, *, rules: BusinessRules, actor: Actor, at: datetime) -> bool:
    """Take one up again if the credit covers it; False when it does not.

    Refuses PlanSoldOut and ClusterFull; the data stay kept then.
    """
    subscription: Subscription | None = lock(Subscription, subscription_id)
    if subscription is None:
        return False
    if subscription.waits_for_credit:
        return renewal.renew(subscription, rules=rules, actor=actor, at=at)
    if (
        subscription.status is not SubscriptionStatus.EXPIRED
        or subscription.end_reason is not EndReason.NO_CREDIT
    ):
        return False
    if subscription.retention_until is not None and subscription.retention_until <= at:
        return False
    if not _has_owner(subscription):
        return False
    instance = lock_instance_of(subscription)
    price = due_price(subscription, at)
    if not ledger.covers(subscription.user_id, price):
        return False
    if price != subscription.price:
        subscription.set_price(price)
    subscription.turn(SubscriptionStatus.ACTIVE, at)
    begin_again(subscription, rules, at)
    paid = charge_period(
        subscription,
        subscription.anchor_period,
        description="Subscription taken up again",
        zone=rules.zone,
        actor=actor,
        at=at,
    )
    take_place(instance, subscription.plan_id, rules.capacity)
    controls.run(instance, at=at)
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_REVIVED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        charged=subscription.last_charge,
    )
    tell_customer(
        MessageKind.REVIVED,
        subscription,
        event=str(subscription.period_number),
        at=at,
        zone=rules.zone,
        entry_ids=[paid.entry_id],
    )
    return True


def _has_owner(subscription: Subscription) -> bool:
    """Whether the customer was not deleted, who cannot be from now on until the end of the transaction."""
    try:
        directory.keep_user(subscription.user_id)
    except NoSuchUser:
        return False
    return True
