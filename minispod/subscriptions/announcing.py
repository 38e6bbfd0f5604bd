"""Tell owners of a price that will hold for them too: from their first renewal at least 14 days later (decision 10).

A plan says whether its price is for everybody; what differs from it is owed a notice. So nothing is lost when a
round dies in the middle, when a price changes twice, or when a change of plan is taken back: the next round looks
again. A subscription's price only ever rises to what its owner was told, and what they were told is taken back
where the plan does not ask for it any more. Lock: the subscription.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from minispod.accounts.models import User
from minispod.audit import trail
from minispod.catalog.models import Plan
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, page_of, session
from minispod.kernel.money import Rupiah, format_rupiah
from minispod.kernel.paging import Page, PageRequest
from minispod.notifications.messages import MessageKind
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import period
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import SubscriptionStatus
from minispod.subscriptions.telling import tell_customer

NOTICE = timedelta(days=14)
_AT_ONCE = 500

# A rise that the plan asks nobody for any more; a fall that was promised is kept.
_TAKEN_BACK = and_(
    Subscription.coming_price.is_not(None),
    or_(
        Subscription.price == Plan.monthly_price,
        and_(Plan.is_price_for_all.is_(False), Subscription.coming_price > Subscription.price),
    ),
)
_OWED = and_(
    Subscription.status == SubscriptionStatus.ACTIVE,
    or_(
        and_(
            Plan.is_price_for_all.is_(True),
            Subscription.price != Plan.monthly_price,
            Subscription.coming_price.is_distinct_from(Plan.monthly_price),
        ),
        _TAKEN_BACK,
    ),
)


def owed_notice() -> Sequence[uuid.UUID]:
    """Subscriptions whose owner must be told of another price, oldest first; some at a time."""
    wanted = select(Subscription.id).join(Plan, Plan.id == Subscription.plan_id).where(_OWED)
    return session().scalars(wanted.order_by(Subscription.id).limit(_AT_ONCE)).all()


def announce(subscription_id: uuid.UUID, *, rules: BusinessRules, actor: Actor, at: datetime) -> bool:
    """Write the coming price down and tell the owner, or that the one they were told of does not come.

    False when there is nothing to tell (any more).
    """
    subscription: Subscription | None = lock(Subscription, subscription_id)
    owed = select(Plan).join(Subscription, Subscription.plan_id == Plan.id)
    plan = session().scalar(
        owed.where(Subscription.id == subscription_id, _OWED).execution_options(populate_existing=True)
    )
    if subscription is None or plan is None:
        return False
    told_before = subscription.coming_price
    is_withdrawn = not plan.is_price_for_all or subscription.price == plan.monthly_price
    coming = subscription.price if is_withdrawn else plan.monthly_price
    if is_withdrawn:
        subscription.set_price(subscription.price)
    else:
        subscription.coming_price = plan.monthly_price
        subscription.coming_price_from = at + NOTICE
    subscription.updated_at = at
    renews_at = _first_renewal(subscription, subscription.coming_price_from, rules)
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_PRICE_ANNOUNCED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        price=[subscription.price, coming],
        withdrawn=told_before if is_withdrawn else None,
    )
    tell_customer(
        MessageKind.PRICE_ANNOUNCED,
        subscription,
        event=f"{coming}:{at.isoformat()}",
        at=at,
        zone=rules.zone,
        old_price=format_rupiah(subscription.price),
        new_price=format_rupiah(coming),
        withdrawn=format_rupiah(told_before or 0) if is_withdrawn else None,
        applies_on=renews_at.astimezone(rules.zone).date().isoformat(),
        renews=subscription.auto_renew,
    )
    return True


@dataclass(frozen=True, slots=True)
class WouldBeTold:
    """A subscription whose owner would be told of a price: what it costs now, and from when it would cost that."""

    subscription: Subscription
    owner: User
    from_at: datetime


def who_would_be_told(
    plan_id: uuid.UUID, price: Rupiah, page: PageRequest, *, rules: BusinessRules, at: datetime
) -> Page[WouldBeTold]:
    """Whose owners would be told if this price of a plan held for existing customers too; changes nothing.

    Those who pay it and were told of another are told that the other does not come.
    """
    wanted = (
        select(Subscription, User)
        .join(User, User.id == Subscription.user_id)
        .where(
            Subscription.plan_id == plan_id,
            Subscription.status == SubscriptionStatus.ACTIVE,
            func.coalesce(Subscription.coming_price, Subscription.price) != price,
        )
        .order_by(Subscription.ends_at, Subscription.id)
    )

    def told(row: Any) -> WouldBeTold:
        from_at = None if row[0].price == price else at + NOTICE
        return WouldBeTold(row[0], row[1], _first_renewal(row[0], from_at, rules))

    found: Page[WouldBeTold] = page_of(wanted, page, shape=told)
    return found


def count_older_prices(plan_id: uuid.UUID) -> int:
    """How many active subscriptions of a plan keep another price than it has now."""
    wanted = select(func.count()).select_from(Subscription).join(Plan, Plan.id == Subscription.plan_id)
    return (
        session().scalar(
            wanted.where(
                Plan.id == plan_id,
                Subscription.status == SubscriptionStatus.ACTIVE,
                Subscription.price != Plan.monthly_price,
            )
        )
        or 0
    )


def _first_renewal(subscription: Subscription, from_at: datetime | None, rules: BusinessRules) -> datetime:
    """When the first period begins that costs a price which holds from then on."""
    renews_at, number = subscription.ends_at, subscription.period_number - subscription.anchor_period + 1
    while from_at is not None and renews_at < from_at:
        number += 1
        renews_at = period(subscription.anchor_at, number, rules.zone)[1]
    return renews_at
