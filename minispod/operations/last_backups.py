"""The last backup before an instance's data are deleted, and what happens when it cannot be taken.

The decision to delete is recorded at once (`controls.end`); carrying it out waits. When the attempts are used up, the
administrators decide: try again, or delete without a copy.
"""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.backups.models import BackupReason
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.operations import queries, requesting, telling
from minispod.operations.errors import AnotherRuns, NothingToDecide
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, OperationStatus


def end(instance: Instance, *, actor: Actor, at: datetime) -> None:
    """Want the instance gone with its data, after a last backup if it ever ran and keeps any. It is locked."""
    if instance.is_gone:
        return
    controls.end(instance, at=at)
    if instance.first_ran_at is None or not queries.is_copyable(instance):
        return
    instance.awaits_last_backup = True
    if queries.live_operation(instance.id) is None:  # else its end asks for the backup
        request(instance, actor=actor, at=at)


def request(instance: Instance, *, actor: Actor, at: datetime) -> Operation:
    """Have the last backup taken; the instance is locked and no operation works on it."""
    return requesting.ask(
        instance, OperationKind.BACKUP, actor=actor, at=at, backup_reason=BackupReason.BEFORE_DELETE
    )


def retry(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """Staff have the last backup tried again; refuses NoSuchInstance, NothingToDecide, AnotherRuns."""
    instance = _lock_waiting(instance_id)
    live = queries.live_operation(instance.id)
    if live is not None:
        raise AnotherRuns(operation=str(live.id), kind=live.kind.value)
    return request(instance, actor=actor, at=at)


def delete_without_copy(instance_id: uuid.UUID, *, reason: str, actor: Actor, at: datetime) -> Instance:
    """Staff have the data deleted although no last backup could be taken; refuses NoSuchInstance, NothingToDecide.

    A last backup that is under way is called off.
    """
    instance = _lock_waiting(instance_id)
    instance.awaits_last_backup = False
    controls.reconcile_later(instance, at)
    trail.record(
        actor,
        trail.Action.INSTANCE_DELETED_WITHOUT_COPY,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        reason=reason,
    )
    return instance


def conclude(operation: Operation, instance: Instance, *, at: datetime) -> None:
    """A last backup has ended: the data are deleted, or a person must decide. Both rows are locked."""
    if operation.status is OperationStatus.DONE:
        instance.awaits_last_backup = False
        controls.reconcile_later(instance, at)
    elif instance.awaits_last_backup:
        telling.call_for_decision(operation, instance, at=at)


def _lock_waiting(instance_id: uuid.UUID) -> Instance:
    instance = controls.lock_instance(instance_id)
    if not instance.awaits_last_backup:
        raise NothingToDecide(status=instance.status.value)
    return instance
