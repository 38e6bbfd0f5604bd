"""Place an order: one live subscription per customer and service, paid, with a slot and an instance.

Everything happens in the caller's transaction; provisioning is asked for through the outbox. Lock
order: subscription, instance, wallet, coupon, room, plan.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from minispod.accounts.errors import AccountDeactivated, NoSuchUser
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.catalog import browsing
from minispod.catalog.errors import NoSuchPlan
from minispod.catalog.models import Plan, Service
from minispod.instances.controls import reconcile_new, run
from minispod.instances.creation import Size, create_instance
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.inserting import in_one_message, insert_unless_taken
from minispod.kernel.money import Rupiah
from minispod.kernel.sealed import Sealer
from minispod.promotions import checkout
from minispod.promotions.checkout import Discount
from minispod.promotions.models import Redemption
from minispod.promotions.states import normal_code
from minispod.subscriptions.charging import due_period, enter, pay
from minispod.subscriptions.errors import (
    EmailNotProven,
    LiveSubscriptionExists,
    RequestKeyReused,
    TooManyFreePlans,
)
from minispod.subscriptions.models import Period, Subscription
from minispod.subscriptions.pricing import period
from minispod.subscriptions.queries import lock_instance_of
from minispod.subscriptions.room import take_place
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
    newest = _lock_newest(wish)
    plan, is_owner_active, is_owner_proven = _keep(wish)
    if newest is not None and newest.status in LIVE:
        return _somebody_was_first(wish, plan)
    # The door looked before we waited for locks. Staff may order for a deactivated customer, whose applications run on
    # as well (decision 19).
    if not is_owner_active and not actor.is_staff:
        raise AccountDeactivated()
    discount = checkout.quote(coupon_code, plan, user_id=user_id, at=at) if coupon_code else None
    expired = newest if newest is not None and newest.status is SubscriptionStatus.EXPIRED else None
    subscription = expired or _new(plan, user_id, at)
    if expired is not None:
        _reopen(expired, plan, rules, at)
    subscription.request_key = request_key or subscription.request_key
    first = due_period(
        subscription,
        subscription.anchor_period,
        discount=discount.amount if discount else 0,
        zone=rules.zone,
        at=at,
        waived_reason=reason if is_waived else None,
    )
    enter(subscription, first, at=at)
    if not _write(subscription):
        return _somebody_was_first(wish, plan)
    set_committed_value(subscription, "plan", plan)
    set_committed_value(subscription, "service", plan.service)
    with in_one_message():
        if expired is not None:
            instance = _take_up(expired, plan, at)
        else:
            instance = _make_instance(subscription, plan, rules, sealer, at)
        described = f"Subscription to {plan.service.name} {plan.name}"
        pay(subscription, first, description=described, actor=actor, at=at)
        # The wallet is locked now: two orders of one customer count one after the other.
        _check_free_plans(plan, user_id, is_owner_proven, rules, actor)
        trail.record(
            actor,
            trail.Action.SUBSCRIPTION_REVIVED if expired else trail.Action.SUBSCRIPTION_ORDERED,
            at=at,
            subject_kind="subscription",
            subject_id=subscription.id,
            plan=plan.name,
            service=plan.service.slug,
            charged=subscription.last_charge,
            waived=is_waived or None,
            reason=reason,
        )
    redemption = _use_coupon(discount, first, plan, user_id, actor, at)
    # From here on every other order waits for us: what could be done before is done.
    take_place(instance, plan.id, rules.capacity)
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
    """Use the coupon the period was charged with, and note it there."""
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


# The plan with its service, and the owner, as they are now. Neither owner nor service is deleted, nor gets the service
# another slug, until the end of the transaction: the instance is named by it. The locks are those a new row takes that
# refers to them, and stand in the way of nothing else.
_KEEP = (
    select(Plan, User.is_active, User.email_verified)
    .join(Plan.service)
    .join(User, User.id == bindparam("owner_id"))
    .where(Plan.id == bindparam("wanted_id"), User.deleted_at.is_(None))
    .options(contains_eager(Plan.service))
    .with_for_update(read=True, key_share=True, of=(Service, User))
    .execution_options(populate_existing=True)
)
_NEWEST = (
    select(Subscription)
    .where(
        Subscription.user_id == bindparam("owner_id"),
        Subscription.service_id
        == select(Plan.service_id).where(Plan.id == bindparam("wanted_id")).scalar_subquery(),
    )
    .order_by(Subscription.created_at.desc())
    .limit(1)
    .with_for_update()
    .execution_options(populate_existing=True)
)


def _lock_newest(wish: _Wish) -> Subscription | None:
    """The owner's newest subscription of the plan's service."""
    return session().scalar(_NEWEST, {"owner_id": wish.user_id, "wanted_id": wish.plan_id})


def _keep(wish: _Wish) -> tuple[Plan, bool, bool]:
    """The plan, and of its owner whether active and proven; raise NoSuchPlan of what is not for sale, NoSuchUser."""
    kept = session().execute(_KEEP, {"owner_id": wish.user_id, "wanted_id": wish.plan_id}).one_or_none()
    if kept is None:
        browsing.get_plan_for_sale(wish.plan_id)
        raise NoSuchUser()
    plan, is_active, is_proven = kept
    browsing.require_for_sale(plan)
    return plan, is_active, is_proven


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


def _new(plan: Plan, user_id: uuid.UUID, at: datetime) -> Subscription:
    return Subscription(
        id=new_id(),
        user_id=user_id,
        service_id=plan.service_id,
        plan_id=plan.id,
        status=SubscriptionStatus.ACTIVE,
        price=plan.monthly_price,
        auto_renew=True,
        anchor_at=at,
        anchor_period=1,
        started_at=at,
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
    """Write it now; False when another order of this service, or with this key, was first.

    The unique indexes decide between orders that come at once. One that is taken up again is locked already: only an
    order of something else with this key can be in its way.
    """
    try:
        if inspect(subscription).transient:
            return insert_unless_taken(subscription)
        session().flush()
    except IntegrityError as error:
        if "request_key" in str(error.orig):
            raise RequestKeyReused() from None
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
    reconcile_new(instance, at)
    return instance


def _check_free_plans(
    plan: Plan, user_id: uuid.UUID, is_proven: bool, rules: BusinessRules, actor: Actor
) -> None:
    if plan.monthly_price:
        return
    if not actor.is_staff and not is_proven:
        raise EmailNotProven()
    held = session().scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.user_id == user_id, Subscription.status.in_(LIVE), Subscription.price == 0)
    )
    if (held or 0) > rules.free_plans_per_customer:
        raise TooManyFreePlans(allowed=rules.free_plans_per_customer)
