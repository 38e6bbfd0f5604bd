"""Renew on the day, or begin the payment grace (decisions 9, 10, 20)."""

from datetime import datetime, timedelta

from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions.charging import charge_period, due_price, next_price
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import period
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.telling import tell_customer
from minispod.wallet import ledger


def renew(subscription: Subscription, *, rules: BusinessRules, actor: Actor, at: datetime) -> bool:
    """Charge the next period when the wallet covers it; False when it does not. The row is locked by the caller."""
    price = due_price(subscription, subscription.ends_at)
    if not ledger.covers(subscription.user_id, price):
        return False
    if price != subscription.price:
        subscription.set_price(price)
    paid = charge_period(
        subscription,
        subscription.period_number + 1,
        description=f"Renewal until {_day(subscription, rules)}",
        zone=rules.zone,
        actor=actor,
        at=at,
    )
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_RENEWED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        period=paid.number,
        charged=paid.charged,
    )
    if paid.charged:
        tell_customer(
            MessageKind.RENEWED,
            subscription,
            event=str(paid.number),
            at=at,
            zone=rules.zone,
            entry_ids=[paid.entry_id],
            charged=format_rupiah(paid.charged),
        )
    return True


def begin_grace(
    subscription: Subscription, grace: timedelta, *, rules: BusinessRules, actor: Actor, at: datetime
) -> None:
    """Let it run on without payment until the grace is over; the grace begins once per period.

    The caller has just found that the wallet does not cover it, and holds the wallet.
    """
    wallet = ledger.hold(subscription.user_id)
    until = subscription.ends_at + grace
    subscription.grace_until = until
    subscription.failed_charges += 1
    subscription.updated_at = at
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_GRACE_STARTED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        until=until.isoformat(),
    )
    tell_customer(
        MessageKind.GRACE_STARTED,
        subscription,
        event=str(subscription.period_number),
        at=at,
        zone=rules.zone,
        grace_until=until.astimezone(rules.zone).date().isoformat(),
        price_text=format_rupiah(next_price(subscription)),
        owed=format_rupiah(wallet.gateway_debt) if wallet.gateway_debt else None,
    )


def is_idle(subscription: Subscription, *, rules: BusinessRules, at: datetime) -> bool:
    """Tell whether a free plan lapses because its owner has not signed in for long (decision 20)."""
    if subscription.price:
        return False
    user = session().get_one(User, subscription.user_id)
    return at - (user.signed_in_at or user.created_at) > rules.free_idle


def _day(subscription: Subscription, rules: BusinessRules) -> str:
    number = subscription.period_number + 1 - subscription.anchor_period + 1
    return period(subscription.anchor_at, number, rules.zone)[1].astimezone(rules.zone).date().isoformat()
