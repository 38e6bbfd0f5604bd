"""Place an order: one live subscription per customer and service, paid, with a slot and an instance.

Everything happens in the caller's transaction; provisioning is asked for through the outbox. Lock
order: subscription, instance, wallet, plan.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from minispod.accounts import directory
from minispod.accounts.errors import AccountDeactivated
from minispod.audit import trail
from minispod.catalog import browsing, quota
from minispod.catalog.errors import NoSuchPlan
from minispod.catalog.models import Plan
from minispod.cluster import monitoring
from minispod.instances.controls import reconcile_later, run
from minispod.instances.creation import Size, create_instance
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.sealed import Sealer
from minispod.promotions import checkout
from minispod.promotions.checkout import Discount
from minispod.promotions.models import Redemption
from minispod.promotions.states import normal_code
from minispod.subscriptions.charging import charge_period
from minispod.subscriptions.errors import (
    EmailNotProven,
    LiveSubscriptionExists,
    RequestKeyReused,
    TooManyFreePlans,
)
from minispod.subscriptions.models import Period, Subscription
from minispod.subscriptions.pricing import period
from minispod.subscriptions.queries import lock_instance_of
from minispod.subscriptions.room import require_room
from minispod.subscriptions.rules import BusinessRules
from minispod.subscriptions.states import LIVE, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Order:
    """What came of an order; unless it is a repeat, the subscription has its plan and its service at hand."""

    subscription: Subscription
    instance: Instance
    charged: Rupiah
    is_reactivation: bool
    redemption: Redemption | None = None
    is_repeat: bool = False


def place_order(
    plan_id: uuid.UUID,
    *,
    user_id: uuid.UUID,
    coupon_code: str | None = None,
    request_key: str | None = None,
    reason: str | None = None,
    is_waived: bool = False,
    rules: BusinessRules,
    sealer: Sealer,
    actor: Actor,
    at: datetime,
) -> Order:
    """Order a plan, or take up an expired subscription of the same service again.

    Staff ordering for a customer may say why, and may waive the first period for that reason; later ones are charged.

    Refuses NoSuchPlan, LiveSubscriptionExists, InsufficientCredit, WalletInDebt, PlanSoldOut, ClusterFull,
    EmailNotProven, TooManyFreePlans, RequestKeyReused, NoSuchUser and AccountDeactivated of somebody who left
    meanwhile, and what `checkout.quote` refuses of a coupon. A repeat with the same `request_key` returns what the
    first one made.
    """
    if is_waived and not reason:
        raise ValueError("a waiver has a reason")
    wish = _Wish(user_id, plan_id, coupon_code, request_key)
    if (repeat := _repeat(wish)) is not None:
        return repeat
    plan = browsing.get_plan_for_sale(plan_id)
    newest = _lock_newest(user_id, plan.service_id)
    if newest is not None and newest.status in LIVE:
        return _somebody_was_first(wish, plan)
    _require_owner(user_id, actor)
    browsing.keep_service_of(plan)  # the instance is named by its slug
    discount = checkout.quote(coupon_code, plan, user_id=user_id, at=at) if coupon_code else None
    expired = newest if newest is not None and newest.status is SubscriptionStatus.EXPIRED else None
    subscription = expired or _new(plan, user_id, rules, at)
    if expired is not None:
        _reopen(expired, plan, rules, at)
    subscription.request_key = request_key or subscription.request_key
    if not _write(subscription):
        return _somebody_was_first(wish, plan)
    set_committed_value(subscription, "plan", plan)
    set_committed_value(subscription, "service", plan.service)
    if expired is not None:
        instance = _take_up(expired, plan, at)
    else:
        instance = _make_instance(subscription, plan, rules, sealer, at)
    first = charge_period(
        subscription,
        subscription.anchor_period,
        discount=discount.amount if discount else 0,
        description=f"Subscription to {plan.service.name} {plan.name}",
        zone=rules.zone,
        actor=actor,
        at=at,
        waived_reason=reason if is_waived else None,
    )
    # The wallet is locked now: two orders of one customer count one after the other.
    _check_free_plans(plan, user_id, rules, actor)
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
        waived=is_waived or None,
        reason=reason,
    )
    nodes = monitoring.last_picture()
    # From here on every order of this plan waits for us: what could be done before is done.
    quota.reserve(plan.id)
    redemption = _use_coupon(discount, first, plan, user_id, actor, at)
    require_room(instance, rules.capacity, nodes)
    return Order(subscription, instance, first.charged, expired is not None, redemption)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for: by whom, which plan, with which coupon, under which key."""

    user_id: uuid.UUID
    plan_id: uuid.UUID
    coupon_code: str | None
    request_key: str | None


def _use_coupon(
    discount: Discount | None, first: Period, plan: Plan, user_id: uuid.UUID, actor: Actor, at: datetime
) -> Redemption | None:
    """Use the coupon the period was charged with, and note it there; the last lock but the machines' room."""
    if discount is None:
        return None
    redemption = checkout.use_at_checkout(
        discount, plan, user_id=user_id, subscription_id=first.subscription_id, actor=actor, at=at
    )
    first.redemption_id = redemption.id
    return redemption


def _repeat(wish: _Wish) -> Order | None:
    """What the first request with this key made; raise RequestKeyReused when that was another wish."""
    if not wish.request_key:
        return None
    subscription = session().scalar(
        select(Subscription).where(
            Subscription.user_id == wish.user_id, Subscription.request_key == wish.request_key
        )
    )
    if subscription is None:
        return None
    first, redemption = _first_period(subscription)
    code = redemption.coupon.code if redemption else None
    code_wished = normal_code(wish.coupon_code) if wish.coupon_code else None
    if (first.plan_id, code) != (wish.plan_id, code_wished):
        raise RequestKeyReused()
    instance = session().scalars(select(Instance).where(Instance.subscription_id == subscription.id)).one()
    return Order(
        subscription, instance, first.charged, is_reactivation=False, redemption=redemption, is_repeat=True
    )


def _first_period(subscription: Subscription) -> tuple[Period, Redemption | None]:
    """The period the newest order of a subscription paid for, and the coupon used for it."""
    found = session().execute(
        select(Period, Redemption)
        .outerjoin(Redemption, Redemption.id == Period.redemption_id)
        # Not by the anchor: staff who extend a period move it on to one that is not paid yet.
        .where(Period.subscription_id == subscription.id, Period.starts_at >= subscription.started_at)
        .order_by(Period.number)
        .limit(1)
        .options(joinedload(Redemption.coupon))
    )
    period_, redemption = found.one()
    return period_, redemption


def _require_owner(user_id: uuid.UUID, actor: Actor) -> None:
    """The door looked before we waited for locks: nobody orders who was deleted or deactivated since.

    Staff may order for a deactivated customer, whose applications run on as well (decision 19).
    """
    owner = directory.keep_user(user_id)
    if not owner.is_active and not actor.is_staff:
        raise AccountDeactivated()


def _lock_newest(user_id: uuid.UUID, service_id: uuid.UUID) -> Subscription | None:
    return session().scalar(
        select(Subscription)
        .where(Subscription.user_id == user_id, Subscription.service_id == service_id)
        .order_by(Subscription.created_at.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _somebody_was_first(wish: _Wish, plan: Plan) -> Order:
    """A live subscription is there: of the same request, come twice at once, or of another one."""
    if (repeat := _repeat(wish)) is not None:
        return repeat
    live = session().scalar(
        select(Subscription.id).where(
            Subscription.user_id == wish.user_id,
            Subscription.service_id == plan.service_id,
            Subscription.status.in_(LIVE),
        )
    )
    raise LiveSubscriptionExists(existingSubscriptionId=str(live))


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
    subscription.set_price(plan.monthly_price)
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


def _write(subscription: Subscription) -> bool:
    """Write it now; False when another order of this service, or with this key, was first."""
    try:
        with session().begin_nested():
            session().add(subscription)
            session().flush()  # the unique indexes decide between orders that come at once
    except IntegrityError as error:
        if "uq_subscriptions_live" in str(error.orig) or "request_key" in str(error.orig):
            return False
        if "fk_subscriptions_plan_id" in str(error.orig) or "fk_subscriptions_service_id" in str(error.orig):
            raise NoSuchPlan() from None  # deleted by staff at this moment
        raise
    return True


def _take_up(subscription: Subscription, plan: Plan, at: datetime) -> Instance:
    """The instance of an expired subscription, with its data, in the size of the ordered plan."""
    instance = lock_instance_of(subscription)
    instance.cpu_milli, instance.memory_mb = plan.cpu_milli, plan.memory_mb
    instance.storage_gb = max(instance.storage_gb, plan.storage_gb)  # a volume never shrinks
    run(instance, at=at)
    return instance


def _make_instance(
    subscription: Subscription, plan: Plan, rules: BusinessRules, sealer: Sealer, at: datetime
) -> Instance:
    instance = create_instance(
        subscription_id=subscription.id,
        user_id=subscription.user_id,
        service_slug=plan.service.slug,
        size=Size(plan.cpu_milli, plan.memory_mb, plan.storage_gb),
        addresses=rules.addresses,
        sealer=sealer,
        at=at,
    )
    reconcile_later(instance, at)
    return instance


def _check_free_plans(plan: Plan, user_id: uuid.UUID, rules: BusinessRules, actor: Actor) -> None:
    if plan.monthly_price:
        return
    if not actor.is_staff and not directory.get_user(user_id).email_verified:
        raise EmailNotProven()
    held = session().scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.user_id == user_id, Subscription.status.in_(LIVE), Subscription.price == 0)
    )
    if (held or 0) > rules.free_plans_per_customer:
        raise TooManyFreePlans(allowed=rules.free_plans_per_customer)
