"""What the outcome of provisioning means for the promise: tell, wait, or leave it to the repair window.

A first provisioning that fails for good leaves the subscription ACTIVE for the repair window
(decision 17); the calendar (`expiry.advance`) then cancels and refunds it.
"""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from minispod.alerts.kinds import Rule
from minispod.instances import environment, provisioning
from minispod.instances.domains.publishing import publish_again
from minispod.instances.models import Instance
from minispod.instances.provisioning import Outcome, Result, Settlement, WorkOrder
from minispod.instances.specifying import ClusterRules
from minispod.instances.states import IN_TRANSITION
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.sealed import FOR_STAFF
from minispod.kernel.tasks import Task
from minispod.notifications.messages import MessageKind
from minispod.subscriptions import change_outcome
from minispod.subscriptions.charging import charge_entry
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.telling import owner_name, tell_customer, tell_staff

_ARRIVED = (Result.RUNS_FIRST, Result.RUNS_AGAIN, Result.STOPPED)
_FAILED = (Result.TRYING_AGAIN, Result.GAVE_UP)


def conclude(
    order: WorkOrder, outcome: Outcome, *, rules: ClusterRules, zone: ZoneInfo, actor: Actor, at: datetime
) -> Settlement:
    """Settle an outcome and draw its consequences; locks subscription, instance, and what a refund needs."""
    owner = session().get(Instance, order.instance_id)
    if owner is None:
        return Settlement(Result.STALE)
    subscription: Subscription | None = lock(Subscription, owner.subscription_id)
    settlement = provisioning.settle(order, outcome, rules=rules, actor=actor, at=at)
    if subscription is None:
        return settlement
    instance = session().get_one(Instance, order.instance_id)
    if _is_undone(settlement, instance, actor, at):
        return Settlement(Result.STALE, timedelta(0))
    if settlement.result in _ARRIVED:
        change_outcome.complete(subscription, at=at)
        publish_again(instance, at)
    if settlement.result is Result.RUNS_FIRST:
        tell_customer(
            MessageKind.INSTANCE_READY,
            subscription,
            event="ready",
            at=at,
            zone=zone,
            entry_ids=charge_entry(subscription),
        )
    elif settlement.result is Result.GAVE_UP:
        # What failed in the size of a new plan is tried in the old one before anybody calls it failed.
        if not change_outcome.take_back(subscription, instance, zone=zone, actor=actor, at=at):
            _gave_up(subscription, instance, zone, at)
    elif settlement.result is Result.GONE:
        tell_customer(
            MessageKind.DATA_DELETED, subscription, event=f"gone:{order.generation}", at=at, zone=zone
        )
    return settlement


def _is_undone(settlement: Settlement, instance: Instance, actor: Actor, at: datetime) -> bool:
    """Tell whether what failed was a changed environment, which is taken back; one that runs is noted to hold."""
    if settlement.result in (Result.RUNS_FIRST, Result.RUNS_AGAIN):
        environment.note_arrival(instance)
    if settlement.result not in _FAILED:
        return False
    reason = instance.last_error or "The instance did not become ready."
    return environment.undo(instance, reason, actor=actor, at=at)


def note_sealed(instance_id: uuid.UUID, *, zone: ZoneInfo, at: datetime) -> None:
    """The secrets of an instance cannot be opened, so nothing is applied: it stays as it is. Locks the instance.

    Staff are told once a day for all instances: a lost key rarely closes one alone.
    """
    instance: Instance | None = lock(Instance, instance_id)
    if instance is None:
        return
    if instance.is_held or instance.status in IN_TRANSITION:
        instance.turn(
            instance.status, at, health="Waiting: its stored credentials cannot be opened at the moment"
        )
    tell_staff(
        Rule.SECRETS_CLOSED,
        None,
        "Stored secrets cannot be opened",
        f"{FOR_STAFF} It was met at {instance.name} of {owner_name(instance.user_id)}; others may be closed too.",
        event=f"sealed:{at.astimezone(zone).date()}",
        at=at,
    )


def _gave_up(subscription: Subscription, instance: Instance, zone: ZoneInfo, at: datetime) -> None:
    if instance.repair_until is not None:
        outbox.later(
            Task.ADVANCE_SUBSCRIPTION,
            key=f"{subscription.id}:repair",
            at=at,
            delay=instance.repair_until - at,
            subscription_id=str(subscription.id),
        )
    if instance.is_beyond_repair(at):
        return  # the letter about the refund follows at once
    # What has run may fail at every turn; its owner is told once a day.
    turn = instance.generation if instance.first_ran_at is None else at.astimezone(zone).date()
    event = f"failed:{turn}"
    reason = instance.last_error or "The instance did not become ready."
    tell_customer(
        MessageKind.INSTANCE_FAILED,
        subscription,
        event=event,
        at=at,
        zone=zone,
        reason=reason,
        repair_until=instance.repair_until.isoformat() if instance.repair_until else None,
    )
    tell_staff(
        Rule.INSTANCE_FAILED,
        instance,
        f"Instance {instance.name} failed",
        f"{reason} Customer: {owner_name(subscription.user_id)}.",
        event=f"{instance.id}:{event}",
        at=at,
    )
