"""How a change of plan ends: the cluster runs the new size, or plan, slot and money go back (decision 17).

Called under the lock of the subscription, by whatever ends the waiting: an outcome of provisioning, a
cancellation, the calendar. A change is settled once, because only a pending one is looked for.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from minispod.alerts.kinds import Rule
from minispod.audit import trail
from minispod.catalog import quota
from minispod.catalog.models import Plan
from minispod.instances import controls
from minispod.instances.creation import Size
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah, format_rupiah
from minispod.notifications.messages import MessageKind
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.subscriptions.queries import find_pending_change
from minispod.subscriptions.refunding import Because, give_back_of
from minispod.subscriptions.states import ChangeState
from minispod.subscriptions.telling import owner_name, tell_customer, tell_staff


def complete(subscription: Subscription, *, at: datetime) -> None:
    """The cluster has the new size: the change is done."""
    change = find_pending_change(subscription.id)
    if change is not None:
        change.state = ChangeState.DONE
        change.settled_at = at


def take_back(
    subscription: Subscription, instance: Instance, *, zone: ZoneInfo, actor: Actor, at: datetime
) -> bool:
    """The cluster could not hold the new size: back to the old plan, with slot and money; False when none waits.

    Locks the wallet, then the plans. The instance, locked by the caller, is tried again in its old size.
    """
    change = find_pending_change(subscription.id)
    if change is None:
        return False
    reason = instance.last_error or "The instance did not become ready."
    old, new = session().get_one(Plan, change.from_plan_id), session().get_one(Plan, change.to_plan_id)
    refunds = _return_plan_and_money(subscription, change, reason, actor, at)
    refunded = sum(each.amount for each in refunds)
    controls.resize(instance, _old_size(change, instance), at=at)
    instance.restart_wish_at = at  # a fresh pod, not the failed one's back-off
    has_place = _return_slot(change)
    _record(subscription, change, reason, actor, at)
    tell_customer(
        MessageKind.PLAN_CHANGE_RETURNED,
        subscription,
        event=str(change.number),
        at=at,
        zone=zone,
        entry_ids=[each.entry_id for each in refunds],
        plan=old.name,
        wanted_plan=new.name,
        refunded=format_rupiah(refunded) if refunded else None,
        reason=reason,
    )
    grown = "" if has_place else f" {old.name} was sold out meanwhile; it has one slot more now."
    tell_staff(
        Rule.ORDER_RETURNED,
        instance,
        f"Upgrade of {instance.name} given back",
        f"{reason} Customer: {owner_name(subscription.user_id)}, refunded {format_rupiah(refunded)}.{grown}",
        event=f"{subscription.id}:change:{change.number}",
        at=at,
    )
    return True


def abandon(subscription: Subscription, instance: Instance, *, actor: Actor, at: datetime) -> Rupiah:
    """The subscription ends before the new size came to run: plan and money go back; returns how much.

    The slot is the caller's matter: it is about to be released. Locks the wallet.
    """
    change = find_pending_change(subscription.id)
    if change is None:
        return Rupiah(0)
    reason = "The subscription ended before the upgrade was carried out."
    refunds = _return_plan_and_money(subscription, change, reason, actor, at)
    size = _old_size(change, instance)
    instance.cpu_milli, instance.memory_mb = size.cpu_milli, size.memory_mb
    _record(subscription, change, reason, actor, at)
    return Rupiah(sum(each.amount for each in refunds))


def _return_plan_and_money(
    subscription: Subscription, change: PlanChange, reason: str, actor: Actor, at: datetime
) -> list[Refund]:
    because = Because("Refund: the upgrade could not be carried out", reason)
    refunds = []
    if change.charged > change.refunded:
        rest = change.charged - change.refunded
        refunds.append(give_back_of(subscription, change, rest, because=because, actor=actor, at=at))
    for period in _later_periods(change):
        # A renewal while the change was waiting was charged for the size that never came.
        more = min(period.charged - change.from_price, period.charged - period.refunded)
        if more > 0:
            refunds.append(give_back_of(subscription, period, more, because=because, actor=actor, at=at))
    change.state = ChangeState.RETURNED
    change.settled_at = at
    subscription.plan_id = change.from_plan_id
    subscription.set_price(change.from_price)  # a price announced meanwhile or before is announced anew
    subscription.previous_plan_id = change.to_plan_id
    subscription.plan_changed_at = subscription.updated_at = at
    return refunds


def _later_periods(change: PlanChange) -> list[Period]:
    found = session().scalars(
        select(Period)
        .where(Period.subscription_id == change.subscription_id, Period.number > change.period_number)
        .order_by(Period.number)
        .execution_options(populate_existing=True)
    )
    return list(found)


def _old_size(change: PlanChange, instance: Instance) -> Size:
    return Size(change.from_cpu_milli, change.from_memory_mb, instance.storage_gb)


def _return_slot(change: PlanChange) -> bool:
    """Move the slot back, the plans in the order of their ids; False when the old plan had none left."""
    if change.from_plan_id < change.to_plan_id:
        has_place = quota.restore(change.from_plan_id)
        quota.release(change.to_plan_id)
    else:
        quota.release(change.to_plan_id)
        has_place = quota.restore(change.from_plan_id)
    return has_place


def _record(subscription: Subscription, change: PlanChange, reason: str, actor: Actor, at: datetime) -> None:
    trail.record(
        actor,
        trail.Action.SUBSCRIPTION_PLAN_RETURNED,
        at=at,
        subject_kind="subscription",
        subject_id=subscription.id,
        refunded=change.refunded,
        reason=reason,
    )
