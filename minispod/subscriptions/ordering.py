"""Place an order: one live subscription per customer and service, paid, with a slot and an instance.

Everything happens in the caller's transaction; provisioning is asked for through the outbox. Lock
order: subscription, instance, wallet, plan.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from minispod.audit import trail
from minispod.catalog import browsing, quota
from minispod.catalog.models import Plan
from minispod.instances.controls import reconcile_later, run
from minispod.instances.creation import Size, create_instance
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.sealed import Sealer
from minispod.subscriptions.charging import charge_period
from minispod.subscriptions.errors import LiveSubscriptionExists, TooManyFreePlans
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import period
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import LIVE, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Order:
    """What came of an order."""

    subscription: Subscription
    instance: Instance
    charged: Rupiah
    is_reactivation: bool
    is_repeat: bool = False


def place_order(
    plan_id: uuid.UUID,
    *,
    user_id: uuid.UUID,
    request_key: str | None = None,
    rules: BusinessRules,
    sealer: Sealer,
    actor: Actor,
    at: datetime,
) -> Order:
    """Order a plan, or take up an expired subscription of the same service again.

    Refuses NoSuchPlan, LiveSubscriptionExists, InsufficientCredit, WalletInDebt, PlanSoldOut,
    TooManyFreePlans. A repeat with the same `request_key` returns what the first one made.
    """
    if request_key and (repeat := _repeat(user_id, request_key)) is not None:
        return repeat
    plan = browsing.get_plan_for_sale(plan_id)
    newest = session().scalar(
        select(Subscription)
        .where(Subscription.user_id == user_id, Subscription.service_id == plan.service_id)
        .order_by(Subscription.created_at.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if newest is not None and newest.status in LIVE:
        raise LiveSubscriptionExists(existingSubscriptionId=str(newest.id))
    expired = newest if newest is not None and newest.status is SubscriptionStatus.EXPIRED else None
    subscription = expired or _new(plan, user_id, rules, at)
    if expired is not None:
        _reopen(expired, plan, rules, at)
    subscription.request_key = request_key
    _write(subscription)
    instance = _instance_for(subscription, plan, rules, sealer, at)
    charge_period(
        subscription,
        subscription.anchor_period,
        description=f"Subscription to {plan.service.name} {plan.name}",
        zone=rules.zone,
        actor=actor,
        at=at,
    )
    # The wallet is locked now: two orders of one customer count one after the other.
    _check_free_plans(plan, user_id, rules)
    quota.reserve(plan.id)
    action = trail.Action.SUBSCRIPTION_REVIVED if expired else trail.Action.SUBSCRIPTION_ORDERED
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        plan=plan.name,
        service=plan.service.slug,
        charged=subscription.last_charge,
    )
    return Order(subscription, instance, subscription.last_charge, expired is not None)


def _repeat(user_id: uuid.UUID, request_key: str) -> Order | None:
    subscription = session().scalar(
        select(Subscription).where(Subscription.user_id == user_id, Subscription.request_key == request_key)
    )
    if subscription is None:
        return None
    instance = session().scalars(select(Instance).where(Instance.subscription_id == subscription.id)).one()
    return Order(subscription, instance, subscription.last_charge, is_reactivation=False, is_repeat=True)


def _new(plan: Plan, user_id: uuid.UUID, rules: BusinessRules, at: datetime) -> Subscription:
    return Subscription(
        id=new_id(),
        user_id=user_id,
        service_id=plan.service_id,
        plan_id=plan.id,
        status=SubscriptionStatus.ACTIVE,
        price=plan.monthly_price,
        last_charge=Rupiah(0),
        auto_renew=True,
        anchor_at=at,
        anchor_period=1,
        period_number=1,
        started_at=at,
        ends_at=period(at, 1, rules.zone)[1],
        created_at=at,
        updated_at=at,
    )


def _reopen(subscription: Subscription, plan: Plan, rules: BusinessRules, at: datetime) -> None:
    subscription.turn(SubscriptionStatus.ACTIVE, at)
    subscription.plan_id = plan.id
    subscription.price = plan.monthly_price
    subscription.auto_renew = True
    begin_again(subscription, rules, at)


def begin_again(subscription: Subscription, rules: BusinessRules, at: datetime) -> None:
    """Let periods count from `at`; numbers go on, so that no period number is used twice."""
    subscription.anchor_at = at
    subscription.anchor_period = subscription.period_number + 1
    subscription.started_at = at
    subscription.ends_at = period(at, 1, rules.zone)[1]
    subscription.retention_until = None
    subscription.grace_until = None
    subscription.ended_at = None
    subscription.end_reason = None


def _write(subscription: Subscription) -> None:
    try:
        with session().begin_nested():
            session().add(subscription)
            session().flush()  # the unique index decides between orders that come at once
    except IntegrityError as error:
        if "uq_subscriptions_live" in str(error.orig) or "request_key" in str(error.orig):
            raise LiveSubscriptionExists() from None
        raise


def _instance_for(
    subscription: Subscription, plan: Plan, rules: BusinessRules, sealer: Sealer, at: datetime
) -> Instance:
    size = Size(plan.cpu_milli, plan.memory_mb, plan.storage_gb)
    existing = session().scalar(
        select(Instance)
        .where(Instance.subscription_id == subscription.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if existing is not None:
        existing.cpu_milli, existing.memory_mb = size.cpu_milli, size.memory_mb
        existing.storage_gb = max(existing.storage_gb, size.storage_gb)  # a volume never shrinks
        run(existing, at=at)
        return existing
    instance = create_instance(
        subscription_id=subscription.id,
        user_id=subscription.user_id,
        service_slug=plan.service.slug,
        size=size,
        addresses=rules.addresses,
        sealer=sealer,
        at=at,
    )
    reconcile_later(instance, at)
    return instance


def _check_free_plans(plan: Plan, user_id: uuid.UUID, rules: BusinessRules) -> None:
    if plan.monthly_price:
        return
    held = session().scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.user_id == user_id, Subscription.status.in_(LIVE), Subscription.price == 0)
    )
    if (held or 0) > rules.free_plans_per_customer:
        raise TooManyFreePlans(allowed=rules.free_plans_per_customer)
