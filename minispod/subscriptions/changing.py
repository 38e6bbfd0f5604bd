"""Move a subscription to another plan of its service: quote, charge, slot, room and size in one transaction.

Customers move upward only; staff may move down, and may waive the charge for a stated reason. The quote and the
charge are one function (decision 11). The cluster follows through RECONCILE_INSTANCE; how that ends is in
change_outcome. Lock order: subscription, instance, wallet, room, plans in the order of their ids.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from minispod.audit import trail
from minispod.catalog import browsing
from minispod.catalog.errors import NoSuchPlan, PlanSoldOut
from minispod.catalog.models import Plan
from minispod.instances import controls
from minispod.instances.creation import Size
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah, format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions.charging import charge_change
from minispod.subscriptions.errors import (
    ChangeUnderWay,
    ClusterFull,
    NotActive,
    NotAnUpgrade,
    NotStarted,
    OtherService,
    PeriodOver,
    RequestKeyReused,
    SamePlan,
)
from minispod.subscriptions.models import Period, PlanChange, Subscription
from minispod.subscriptions.pricing import days_of, days_until, price_of_change
from minispod.subscriptions.queries import find_pending_change, lock_instance_of, lock_own
from minispod.subscriptions.refunding import Because, refund_difference
from minispod.subscriptions.room import Stock, move_place, take_stock
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import ChangeState
from minispod.subscriptions.telling import tell_customer
from minispod.wallet import statements
from minispod.wallet.errors import InsufficientCredit, WalletInDebt
from minispod.wallet.models import Wallet


@dataclass(frozen=True, slots=True)
class Quote:
    """What a change costs now; below zero is what it gives back at most. Days are of the running period."""

    amount: Rupiah
    is_upgrade: bool
    days_left: int
    period_days: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan to move to, and what that costs, unless something hinders it: a sentence."""

    plan: Plan
    quote: Quote
    hindrance: str | None
    has_place: bool


@dataclass(frozen=True, slots=True)
class Options:
    """All offers for one subscription, with what its owner has and what is left of the period."""

    offers: tuple[Offer, ...]
    balance: Rupiah
    days_left: int
    period_days: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change."""

    subscription: Subscription
    change: PlanChange
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class _Terms:
    """On what terms a change is made."""

    is_waived: bool = False
    must_run: bool = False
    reason: str | None = None
    request_key: str | None = None


def quote(subscription: Subscription, current: Plan, wanted: Plan, *, zone: ZoneInfo, at: datetime) -> Quote:
    """What moving from `current` to `wanted` costs; upward is never below zero, downward never above."""
    running = _running_period(subscription)
    days = days_of(running.starts_at, running.ends_at, zone)
    left = min(days_until(running.ends_at, at), days)
    amount = price_of_change(subscription.price, wanted.monthly_price, left, days)
    upward = wanted.plan_type.tier > current.plan_type.tier
    return Quote(Rupiah(max(0, amount) if upward else min(0, amount)), upward, left, days)


def find_options(subscription: Subscription, *, rules: BusinessRules, actor: Actor, at: datetime) -> Options:
    """Where a customer could move up to now, lowest first, and what hinders; refuses NotActive."""
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    wallet = statements.get_wallet(subscription.user_id, actor=actor)
    current = browsing.get_plan(subscription.plan_id)
    stays = quote(subscription, current, current, zone=rules.zone, at=at)
    halted = NotStarted.default_message if _is_stopped(_instance_of(subscription)) else None
    offers = tuple(
        replace(each, hindrance=each.hindrance or halted or _what_customer_lacks(each, wallet))
        for each in list_moves(subscription, rules=rules, at=at)
        if each.quote.is_upgrade
    )
    return Options(offers, wallet.balance, stays.days_left, stays.period_days)


def list_moves(subscription: Subscription, *, rules: BusinessRules, at: datetime) -> list[Offer]:
    """The other plans on sale of its service, lowest first, each with what moving there costs now."""
    current = browsing.get_plan(subscription.plan_id)
    halted = _what_hinders_all(subscription, at)
    stock = take_stock(rules.capacity, apart_from=subscription.id)
    instance = _instance_of(subscription)
    others = [plan for plan in browsing.plans_for_sale_of(subscription.service_id) if plan.id != current.id]
    offers = []
    for plan in sorted(others, key=lambda plan: plan.plan_type.tier):
        price = quote(subscription, current, plan, zone=rules.zone, at=at)
        lacking = _what_shop_lacks(plan, stock if _needs_room(plan, instance) else None)
        offers.append(Offer(plan, price, halted or lacking, has_place=lacking is None))
    return offers


def upgrade(
    subscription_id: uuid.UUID,
    plan_id: uuid.UUID,
    *,
    request_key: str | None = None,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> Changed:
    """Move one's subscription to a higher plan and pay the difference for the days that are left.

    Refuses NoSuchSubscription, NotActive, NoSuchPlan, OtherService, NotAnUpgrade, PeriodOver, ChangeUnderWay,
    NotStarted, InsufficientCredit, WalletInDebt, PlanSoldOut, ClusterFull, RequestKeyReused. A repeat with the
    same `request_key` returns what the first one made.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if (repeat := _repeat(subscription, plan_id, request_key)) is not None:
        return repeat
    wanted = browsing.get_plan_for_sale(plan_id)
    current = _check(subscription, wanted, at)
    if wanted.plan_type.tier <= current.plan_type.tier:
        raise NotAnUpgrade()
    terms = _Terms(must_run=True, request_key=request_key)
    return _change(subscription, current, wanted, terms, rules, actor, at)


def change_for_customer(
    subscription_id: uuid.UUID,
    plan_id: uuid.UUID,
    *,
    reason: str,
    is_waived: bool,
    request_key: str | None = None,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> Changed:
    """Staff move a subscription up or down; downward credits what was paid and is not used (decision 13).

    With `is_waived` no money moves. What is stopped stays stopped. Refuses as `upgrade`, but for NotStarted and
    NotAnUpgrade; SamePlan instead.
    """
    subscription = lock_own(subscription_id, actor=actor)
    if (repeat := _repeat(subscription, plan_id, request_key)) is not None:
        return repeat
    wanted = browsing.get_plan(plan_id)
    if not wanted.is_active:
        raise NoSuchPlan()
    current = _check(subscription, wanted, at)
    if wanted.id == current.id:
        raise SamePlan()
    terms = _Terms(is_waived, reason=reason, request_key=request_key)
    return _change(subscription, current, wanted, terms, rules, actor, at)


def _repeat(subscription: Subscription, plan_id: uuid.UUID, request_key: str | None) -> Changed | None:
    if not request_key:
        return None
    change = session().scalar(
        select(PlanChange).where(
            PlanChange.subscription_id == subscription.id, PlanChange.request_key == request_key
        )
    )
    if change is None:
        return None
    if change.to_plan_id != plan_id:
        raise RequestKeyReused()
    return Changed(subscription, change, is_repeat=True)


def _check(subscription: Subscription, wanted: Plan, at: datetime) -> Plan:
    """The plan it has now; raises when nothing may be changed at the moment."""
    if not subscription.is_active:
        raise NotActive(status=subscription.status.value)
    if wanted.service_id != subscription.service_id:
        raise OtherService()
    if subscription.ends_at <= at:
        raise PeriodOver()
    if find_pending_change(subscription.id) is not None:
        raise ChangeUnderWay()
    return browsing.get_plan(subscription.plan_id)


def _what_hinders_all(subscription: Subscription, at: datetime) -> str | None:
    if subscription.ends_at <= at:
        return PeriodOver.default_message
    return ChangeUnderWay.default_message if find_pending_change(subscription.id) is not None else None


def _instance_of(subscription: Subscription) -> Instance:
    return session().scalars(select(Instance).where(Instance.subscription_id == subscription.id)).one()


def _is_stopped(instance: Instance) -> bool:
    return instance.wanted is Wanted.STOPPED


def _needs_room(wanted: Plan, instance: Instance) -> bool:
    return wanted.cpu_milli > instance.cpu_milli or wanted.memory_mb > instance.memory_mb


def _what_shop_lacks(plan: Plan, stock: Stock | None) -> str | None:
    """A slot of the plan, or room on the machines; who needs no more than now is not asked for room (no `stock`)."""
    if not plan.available_quota:
        return PlanSoldOut.default_message
    return ClusterFull.default_message if stock is not None and not stock.places(plan) else None


def _what_customer_lacks(offer: Offer, wallet: Wallet) -> str | None:
    if wallet.gateway_debt:
        return WalletInDebt.default_message
    return InsufficientCredit.default_message if offer.quote.amount > wallet.balance else None


def _change(
    subscription: Subscription,
    current: Plan,
    wanted: Plan,
    terms: _Terms,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> Changed:
    instance = lock_instance_of(subscription)
    if terms.must_run and _is_stopped(instance):
        raise NotStarted()
    asked = quote(subscription, current, wanted, zone=rules.zone, at=at)
    change = _write(subscription, instance, wanted, asked, terms, actor, at)
    subscription.previous_plan_id, subscription.plan_id = current.id, wanted.id
    subscription.set_price(wanted.monthly_price)
    subscription.plan_changed_at = subscription.updated_at = at
    needs_room = _needs_room(wanted, instance)
    controls.resize(instance, Size(wanted.cpu_milli, wanted.memory_mb, wanted.storage_gb), at=at)
    entry_ids = _move_money(
        subscription, change, f"{wanted.service.name} from {current.name} to {wanted.name}", rules, actor, at
    )
    move_place(instance, current.id, wanted.id, rules.capacity, needs_room=needs_room)
    _tell(subscription, change, current, wanted, entry_ids, rules, actor, at)
    return Changed(subscription, change)


def _write(
    subscription: Subscription,
    instance: Instance,
    wanted: Plan,
    asked: Quote,
    terms: _Terms,
    actor: Actor,
    at: datetime,
) -> PlanChange:
    made = select(func.count()).select_from(PlanChange).where(PlanChange.subscription_id == subscription.id)
    change = PlanChange(
        subscription_id=subscription.id,
        number=(session().scalar(made) or 0) + 1,
        # What makes it smaller needs nothing of the cluster that could be missing: it is final.
        state=ChangeState.PENDING if asked.is_upgrade else ChangeState.DONE,
        is_upgrade=asked.is_upgrade,
        from_plan_id=subscription.plan_id,
        to_plan_id=wanted.id,
        from_price=subscription.price,
        to_price=wanted.monthly_price,
        from_cpu_milli=instance.cpu_milli,
        from_memory_mb=instance.memory_mb,
        period_number=subscription.period_number,
        days_left=asked.days_left,
        period_days=asked.period_days,
        quoted=asked.amount,
        charged=Rupiah(0),
        credited=Rupiah(0),
        refunded=Rupiah(0),
        is_waived=terms.is_waived,
        reason=terms.reason,
        request_key=terms.request_key,
        actor_id=actor.user_id,
        created_at=at,
        settled_at=None if asked.is_upgrade else at,
    )
    session().add(change)
    return change


def _move_money(
    subscription: Subscription,
    change: PlanChange,
    what: str,
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> Sequence[uuid.UUID]:
    """Charge or credit the difference; returns the ledger entries."""
    if change.is_upgrade:
        amount = 0 if change.is_waived else change.quoted
        entry = charge_change(
            subscription, change, amount, description=f"Upgrade of {what}", actor=actor, at=at
        )
        return [entry.id]
    if change.quoted < 0 and not change.is_waived:
        because = Because(f"Downgrade of {what}", change.reason or "downgrade")
        refunds = refund_difference(
            subscription, -change.quoted, because=because, zone=rules.zone, actor=actor, at=at
        )
        change.credited = Rupiah(sum(each.amount for each in refunds))
        return [each.entry_id for each in refunds]
    return []


def _tell(
    subscription: Subscription,
    change: PlanChange,
    current: Plan,
    wanted: Plan,
    entry_ids: Sequence[uuid.UUID],
    rules: BusinessRules,
    actor: Actor,
    at: datetime,
) -> None:
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_PLAN_CHANGED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        plan=f"{current.name} \u2192 {wanted.name}",
        charged=change.charged,
        refunded=change.credited,
        days_left=change.days_left,
        waived=change.is_waived or None,
        reason=change.reason,
    )
    tell_customer(
        MessageKind.PLAN_CHANGED,
        subscription,
        event=str(change.number),
        at=at,
        zone=rules.zone,
        entry_ids=entry_ids,
        plan=wanted.name,
        old_plan=current.name,
        is_upgrade=change.is_upgrade,
        charged=format_rupiah(change.charged) if change.charged else None,
        credited=format_rupiah(change.credited) if change.credited else None,
        price_text=format_rupiah(subscription.price),
    )


def _running_period(subscription: Subscription) -> Period:
    return (
        session()
        .scalars(
            select(Period).where(
                Period.subscription_id == subscription.id, Period.number == subscription.period_number
            )
        )
        .one()
    )
