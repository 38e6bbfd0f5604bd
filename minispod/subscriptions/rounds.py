"""A round of the calendar that staff ask for: which subscriptions it looks at, and what became of each.

The round decides nothing: each subscription is brought up to date by `expiry.advance`, the act of the clock, so
that a round beside the nightly job, or two at once, charge every period once.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.sql import ColumnElement

from minispod.accounts.models import User
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.subscriptions import expiry
from minispod.subscriptions.charging import next_price, next_price_column
from minispod.subscriptions.expiry import Step
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.wallet.models import Wallet


class Result(StrEnum):
    """What a round found, or made of a subscription."""

    RENEWED = "renewed"
    UNPAID = "unpaid"
    EXPIRED = "expired"
    GIVEN_BACK = "given_back"
    DONE_BEFORE = "done_before"


@dataclass(frozen=True, slots=True)
class Looked:
    """One subscription of a round; balance and the price of its renewal after it, for whoever could not pay."""

    subscription_id: uuid.UUID
    user_id: uuid.UUID
    user_email: str
    result: Result
    balance: Rupiah
    price: Rupiah


def is_due(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """The period is over and shall be followed by another; those in payment grace wait for the same."""
    return _is_active(), Subscription.auto_renew.is_(True), Subscription.ends_at <= at


def is_in_grace() -> tuple[ColumnElement[bool], ...]:
    """The renewal could not be paid, and the application runs on for now."""
    return _is_active(), Subscription.grace_until.is_not(None)


def is_short_of_credit(at: datetime, *, rules: BusinessRules) -> tuple[ColumnElement[bool], ...]:
    """The renewal is near or over, and the wallet (joined by the caller) does not cover it."""
    return (
        _is_active(),
        Subscription.auto_renew.is_(True),
        Subscription.ends_at <= at + timedelta(days=rules.low_credit_days),
        Wallet.balance < next_price_column(),
    )


def renewals_due(at: datetime, *, limit: int) -> Sequence[uuid.UUID]:
    """Subscriptions to be renewed, the longest due first."""
    return _first(limit, *is_due(at))


def graces_over(at: datetime, *, limit: int) -> Sequence[uuid.UUID]:
    """Subscriptions whose payment grace is over, the longest due first."""
    return _first(limit, *is_in_grace(), Subscription.grace_until <= at)


def graces_running(at: datetime, *, limit: int | None) -> Sequence[uuid.UUID]:
    """Subscriptions in a payment grace that is not over, the longest due first."""
    return _first(limit, *is_in_grace(), Subscription.grace_until > at)


def soon_short_of_credit(at: datetime, *, rules: BusinessRules, limit: int) -> Sequence[uuid.UUID]:
    """Subscriptions whose coming renewal the wallet does not cover, the nearest first."""
    query = (
        select(Subscription.id)
        .join(Wallet, Wallet.user_id == Subscription.user_id)
        .where(*is_short_of_credit(at, rules=rules), Subscription.ends_at > at)
        .order_by(Subscription.ends_at, Subscription.id)
        .limit(limit)
    )
    return session().scalars(query).all()


def look(subscription_id: uuid.UUID, *, rules: BusinessRules, actor: Actor, at: datetime) -> Looked:
    """Do what is due for one subscription, and say what came of it. Locks subscription, instance, wallet, plan."""
    steps = expiry.advance(subscription_id, rules=rules, actor=actor, at=at)
    subscription, owner, balance = (
        session()
        .execute(
            select(Subscription, User, Wallet.balance)
            .join(User, User.id == Subscription.user_id)
            .join(Wallet, Wallet.user_id == Subscription.user_id)
            .where(Subscription.id == subscription_id)
        )
        .one()
    )
    return Looked(
        subscription.id,
        owner.id,
        owner.email,
        _result(steps, subscription, at),
        Rupiah(balance),
        next_price(subscription),
    )


def _result(steps: Sequence[Step], subscription: Subscription, at: datetime) -> Result:
    if Step.GIVEN_BACK in steps:
        return Result.GIVEN_BACK
    if Step.EXPIRED in steps:
        return Result.UNPAID if subscription.end_reason is EndReason.NO_CREDIT else Result.EXPIRED
    if subscription.is_active and subscription.ends_at <= at:
        return Result.UNPAID
    return Result.RENEWED if Step.RENEWED in steps else Result.DONE_BEFORE


def _first(limit: int | None, *wanted: ColumnElement[bool]) -> Sequence[uuid.UUID]:
    query = select(Subscription.id).where(*wanted).order_by(Subscription.ends_at, Subscription.id)
    return session().scalars(query.limit(limit)).all()


def _is_active() -> ColumnElement[bool]:
    return Subscription.status == SubscriptionStatus.ACTIVE
