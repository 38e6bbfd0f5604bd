"""Wishes about an instance: run, stop, restart, retry, end. Each records the wish and asks for the work.

The cluster is not asked here: the reconcile job does that after the commit. While an operation holds the instance, its
status stays and only the wish is written down: what holds it carries the wish out when it lets go.
"""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.instances.creation import Size
from minispod.instances.domains.ending import release_all
from minispod.instances.errors import (
    AlreadyRunning,
    NoSuchInstance,
    NothingToRetry,
    ProvisioningRuns,
    WrongState,
)
from minispod.instances.models import Instance
from minispod.instances.states import Control, InstanceStatus, Wanted
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.kernel.errors import Refusal
from minispod.kernel.tasks import Task


def lock_instance(instance_id: uuid.UUID) -> Instance:
    """The instance, locked; raise NoSuchInstance."""
    instance: Instance | None = lock(Instance, instance_id)
    if instance is None:
        raise NoSuchInstance()
    return instance


def reconcile_later(instance: Instance, at: datetime) -> None:
    """Have the cluster compared with the wish after the commit."""
    outbox.later(Task.RECONCILE_INSTANCE, key=str(instance.id), at=at, instance_id=str(instance.id))


def reconcile_new(instance: Instance, at: datetime) -> None:
    """The same for one that was just made, which nobody else knows yet."""
    outbox.later_of_new(Task.RECONCILE_INSTANCE, key=str(instance.id), at=at, instance_id=str(instance.id))


def ensure_reconciled(instance: Instance, at: datetime) -> None:
    """The same for a sweep: work that waits or runs already keeps its pause."""
    outbox.ensure(Task.RECONCILE_INSTANCE, key=str(instance.id), at=at, instance_id=str(instance.id))


def run(instance: Instance, *, at: datetime) -> None:
    """Want it running, again or from the start (revival of an expired subscription)."""
    if instance.is_held:
        instance.wish(Wanted.RUNNING, at)
        return
    begun = instance.first_ran_at is not None and instance.status is not InstanceStatus.TERMINATED
    instance.wish(Wanted.RUNNING, at)
    instance.turn(InstanceStatus.STARTING if begun else InstanceStatus.PENDING, at)
    reconcile_later(instance, at)


def resize(instance: Instance, size: Size, *, at: datetime) -> None:
    """Want it in another size; what is stopped stays stopped, what failed is tried again. A volume never shrinks."""
    instance.cpu_milli, instance.memory_mb = size.cpu_milli, size.memory_mb
    instance.storage_gb = max(instance.storage_gb, size.storage_gb)
    instance.wish(instance.wanted, at)
    if instance.is_held:
        return
    if instance.wanted is Wanted.RUNNING:
        begun = instance.first_ran_at is not None
        instance.turn(InstanceStatus.RESTARTING if begun else InstanceStatus.PENDING, at)
    reconcile_later(instance, at)


def halt(instance: Instance, *, at: datetime) -> None:
    """Want it stopped with its data kept."""
    instance.wish(Wanted.STOPPED, at)
    instance.repair_until = None
    if instance.is_held:
        return
    instance.turn(InstanceStatus.STOPPING, at)
    reconcile_later(instance, at)


def end(instance: Instance, *, at: datetime) -> None:
    """Want it gone with its volume, its domains free: this is the recorded decision that its data may be deleted."""
    if instance.is_gone:
        return
    instance.wish(Wanted.ABSENT, at)
    instance.repair_until = None
    instance.turn(InstanceStatus.STOPPING, at, health="Being deleted")
    release_all(instance, at=at)
    reconcile_later(instance, at)


def hold(instance: Instance, *, health: str, at: datetime) -> None:
    """Let an operation work on it: until `let_go`, the cluster is not brought to any wish but its end."""
    instance.generation += 1  # what is under way is stale
    instance.attempts = 0
    instance.attempt_started_at = None
    instance.turn(InstanceStatus.MAINTENANCE, at, health=health)


def let_go(instance: Instance, *, at: datetime) -> None:
    """The operation has ended: have the cluster brought to what is wanted now."""
    if not instance.is_held:
        return
    instance.wish(instance.wanted, at)
    begun = instance.first_ran_at is not None
    if instance.wanted is Wanted.RUNNING:
        instance.turn(InstanceStatus.STARTING if begun else InstanceStatus.PENDING, at)
    else:
        instance.turn(InstanceStatus.STOPPING, at)
    reconcile_later(instance, at)


def why_not(act: Control, status: InstanceStatus) -> Refusal | None:
    """Why a control makes no sense in this state: WrongState, AlreadyRunning, ProvisioningRuns, NothingToRetry."""
    if act is not Control.RETRY:
        wanted = InstanceStatus.STOPPED if act is Control.START else InstanceStatus.RUNNING
        return None if status is wanted else _wrong_state(wanted, status)
    if status in (InstanceStatus.PENDING, InstanceStatus.PROVISIONING):
        return ProvisioningRuns()
    if status is InstanceStatus.RUNNING:
        return AlreadyRunning()
    return None if status is InstanceStatus.ERROR else NothingToRetry()


def stop(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Instance:
    """The customer or staff stops a running instance; refuses WrongState."""
    instance = lock_instance(instance_id)
    _require(instance, Control.STOP)
    halt(instance, at=at)
    _audit(instance, "stop", actor, at)
    return instance


def start(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Instance:
    """The customer or staff starts a stopped instance; refuses WrongState."""
    instance = lock_instance(instance_id)
    _require(instance, Control.START)
    run(instance, at=at)
    _audit(instance, "start", actor, at)
    return instance


def restart(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Instance:
    """The customer or staff has a running instance restarted; refuses WrongState."""
    instance = lock_instance(instance_id)
    _require(instance, Control.RESTART)
    instance.wish(Wanted.RUNNING, at)
    instance.restart_wish_at = at
    instance.turn(InstanceStatus.RESTARTING, at)
    reconcile_later(instance, at)
    _audit(instance, "restart", actor, at)
    return instance


def retry(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> InstanceStatus:
    """Try a failed instance again and return the status it had.

    Refuses AlreadyRunning, ProvisioningRuns, NothingToRetry.
    """
    instance = lock_instance(instance_id)
    _require(instance, Control.RETRY)
    before = instance.status
    instance.wish(Wanted.RUNNING, at)
    instance.restart_wish_at = at
    instance.turn(InstanceStatus.PENDING, at)
    reconcile_later(instance, at)
    trail.record(actor, trail.Action.INSTANCE_RETRIED, at=at, subject_kind="instance", subject_id=instance.id)
    return before


def _require(instance: Instance, act: Control) -> None:
    refusal = why_not(act, instance.status)
    if refusal is not None:
        raise refusal


def _wrong_state(wanted: InstanceStatus, status: InstanceStatus) -> WrongState:
    return WrongState(f"The instance must be {wanted.value}; it is {status.value}.", status=status.value)


def _audit(instance: Instance, act: str, actor: Actor, at: datetime) -> None:
    trail.record(
        actor,
        trail.Action.INSTANCE_CONTROLLED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        act=act,
    )
