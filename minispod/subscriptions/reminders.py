"""Notices before the end: expiry in 7, 3, 1 days (renewal off, or a free plan whose owner stays away), and
credit that will not cover the renewal.

One notice per subscription, period and day; the post office drops repeats.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.kernel.database import session
from minispod.kernel.money import format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions import renewal
from minispod.subscriptions.charging import next_price
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import days_until
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.subscriptions.telling import tell_customer
from minispod.wallet.models import Wallet


def ending_soon(at: datetime, *, rules: BusinessRules) -> Sequence[uuid.UUID]:
    """Active subscriptions whose period ends within the longest notice."""
    horizon = at + timedelta(days=max((*rules.reminder_days, rules.low_credit_days)))
    return (
        session()
        .scalars(
            select(Subscription.id)
            .where(
                Subscription.status == SubscriptionStatus.ACTIVE,
                Subscription.ends_at > at,
                Subscription.ends_at <= horizon,
            )
            .order_by(Subscription.ends_at)
        )
        .all()
    )


def remind(subscription_id: uuid.UUID, *, rules: BusinessRules, at: datetime) -> None:
    """Queue the notice that fits the days left, if one does."""
    subscription = session().get(Subscription, subscription_id)
    if subscription is None or not subscription.is_active:
        return
    left = days_until(subscription.ends_at, at)
    event = f"{subscription.period_number}:{left}"
    if (reason := _will_end(subscription, rules)) is not None:
        if left in rules.reminder_days:
            tell_customer(
                MessageKind.EXPIRY_NOTICE,
                subscription,
                event=event,
                at=at,
                zone=rules.zone,
                days_left=left,
                reason=reason.value,
            )
        return
    wallet = session().get(Wallet, subscription.user_id)
    # A wallet in debt is below zero: it does not cover a free plan either.
    price = next_price(subscription)
    if left <= rules.low_credit_days and wallet and wallet.balance < price:
        tell_customer(
            MessageKind.LOW_CREDIT,
            subscription,
            event=event,
            at=at,
            zone=rules.zone,
            days_left=left,
            balance=format_rupiah(wallet.balance),
            price_text=format_rupiah(price),
            owed=format_rupiah(wallet.gateway_debt) if wallet.gateway_debt else None,
        )


def _will_end(subscription: Subscription, rules: BusinessRules) -> EndReason | None:
    """Why it will not be renewed, as things stand today; the same questions as in `expiry`."""
    if not subscription.auto_renew:
        return EndReason.AUTO_RENEW_OFF
    if renewal.is_idle(subscription, rules=rules, at=subscription.ends_at):
        return EndReason.IDLE
    return None
