"""The payment grace in the hands of staff: when it ends, and the reminders while it runs.

How a grace begins and ends by itself is in `renewal` and `expiry`.
"""

import uuid
from datetime import datetime, timedelta

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions import expiry
from minispod.subscriptions.charging import next_price
from minispod.subscriptions.errors import GraceTooLong, NotActive, NotInGrace
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import days_until
from minispod.subscriptions.queries import lock_own
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.telling import tell_customer
from minispod.wallet.models import Wallet

_DAY = timedelta(days=1)


def set_end(
    subscription_id: uuid.UUID, days: int, *, longest: int, rules: BusinessRules, actor: Actor, at: datetime
) -> Subscription:
    """Let the payment grace end `days` from now, and tell the customer; counted as one more failed charge.

    One that is due and was not looked at yet is looked at first. Refuses NoSuchSubscription, GraceTooLong,
    NotActive and NotInGrace: where credit covers the renewal, or the period still runs, there is nothing to wait for.
    """
    if days > longest:
        raise GraceTooLong(f"Grace days cannot exceed {longest}", longest=longest)
    subscription = lock_own(subscription_id, actor=actor)
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    if subscription.grace_until is None:
        expiry.advance(subscription.id, rules=rules, actor=actor, at=at)
    if not subscription.is_active or subscription.grace_until is None:
        raise NotInGrace()
    before = subscription.grace_until
    subscription.grace_until = at + timedelta(days=days)
    subscription.failed_charges += 1
    subscription.updated_at = at
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_GRACE_SET,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        before=before.isoformat(),
        until=subscription.grace_until.isoformat(),
    )
    _tell(subscription, f"set:{subscription.grace_until.isoformat()}", rules, at)
    return subscription


def remind(subscription_id: uuid.UUID, *, is_asked: bool = False, rules: BusinessRules, at: datetime) -> None:
    """Remind of a grace that runs: on the days of notices before its end, or on any day if it `is_asked` for.

    One a day; not on the day it began, which its own notice told.
    """
    subscription = session().get(Subscription, subscription_id, populate_existing=True)
    if subscription is None or not subscription.waits_for_credit or subscription.grace_until is None:
        return
    left = days_until(subscription.grace_until, at)
    is_the_day = left in rules.reminder_days and at - subscription.ends_at >= _DAY
    if left and (is_asked or is_the_day):
        _tell(subscription, f"{subscription.grace_until.isoformat()}:{left}", rules, at)


def _tell(subscription: Subscription, event: str, rules: BusinessRules, at: datetime) -> None:
    wallet, until = session().get_one(Wallet, subscription.user_id), subscription.grace_until
    tell_customer(
        MessageKind.GRACE_REMINDER,
        subscription,
        event=event,
        at=at,
        zone=rules.zone,
        grace_until=until.astimezone(rules.zone).date().isoformat() if until else None,
        price_text=format_rupiah(next_price(subscription)),
        owed=format_rupiah(wallet.gateway_debt) if wallet.gateway_debt else None,
    )
