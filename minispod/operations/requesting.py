"""Ask for an operation: whatever can be refused is refused here, in words the asker understands.

The instance is locked first; one live operation per instance is the rule, and a partial unique index stands behind it.
What holds the instance (everything but a backup, which may run beside it) shows MAINTENANCE from this moment on.
The doors have asked whether the customer pays: that is not known here.
"""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.cluster import monitoring, outages
from minispod.instances import controls, volumes
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Task
from minispod.operations import queries
from minispod.operations.errors import (
    AnotherRuns,
    BackupNotUsable,
    DoesNotFit,
    KeepsNoData,
    NewerVersion,
    NoBackupYet,
    NoSuchNode,
    NoSuchSource,
    NoSuchVersion,
    NoSuchVolume,
    NotNow,
    OtherApplication,
    OtherCustomer,
    SameNode,
    VolumeNotKept,
    VolumeOutOfReach,
)
from minispod.operations.models import Operation
from minispod.operations.plans import HOLDING, words_of
from minispod.operations.states import OperationKind, OperationStatus, Step

_READY = (InstanceStatus.RUNNING, InstanceStatus.STOPPED, InstanceStatus.ERROR)
_GIGABYTE = 2**30


def back_up(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """Have a backup taken now; refuses NoSuchInstance, AnotherRuns, NotNow, KeepsNoData."""
    instance = _lock_own(instance_id, actor)
    refusal = why_no_backup(instance, queries.live_operation(instance.id))
    if refusal is not None:
        raise refusal
    return ask(instance, OperationKind.BACKUP, actor=actor, at=at, backup_reason=BackupReason.ON_DEMAND)


def why_no_backup(instance: Instance, live: Operation | None) -> Refusal | None:
    """Why no backup is taken now, beside what is live: AnotherRuns, NotNow, KeepsNoData."""
    if live is not None:
        return _another(live)
    if not _is_ready(instance):
        return NotNow(status=instance.status.value)
    return None if queries.is_copyable(instance) else KeepsNoData()


def restore(instance_id: uuid.UUID, backup_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """Have a backup restored into this instance: its own, or another's of the same application and customer.

    The data it has now are replaced; its address stays, and its secrets but for those that the data themselves hold or
    are encrypted with. Refuses NoSuchInstance, NoSuchSource, AnotherRuns,
    NotNow, BackupNotUsable, OtherApplication, OtherCustomer, DoesNotFit, NewerVersion.
    """
    instance = _lock_ready(instance_id, actor)
    backup = _usable(backup_id, instance, actor)
    return ask(instance, OperationKind.RESTORE, actor=actor, at=at, source_backup_id=backup.id)


def reset(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """Have it begin anew, as on the first day, with the same address and passwords.

    The old data are kept for a while on their retired volume. Refuses NoSuchInstance, AnotherRuns, NotNow, KeepsNoData.
    """
    instance = _lock_ready(instance_id, actor)
    if not get_recipe(instance.service_slug).keeps_data:
        raise KeepsNoData()
    return ask(instance, OperationKind.RESET, actor=actor, at=at)


def move(instance_id: uuid.UUID, node: str, *, actor: Actor, at: datetime) -> Operation:
    """Have it run on another node: with its data, where those are tied to one; else by a wish that the cluster grants.

    Refuses NoSuchInstance, AnotherRuns, NotNow, KeepsNoData, NoSuchNode, SameNode.
    """
    instance = _lock_ready(instance_id, actor)
    volume = volumes.volume_of(instance.id, instance.volume_number)
    is_bound = volumes.may_be_bound(instance, volume)
    if is_bound:
        _require_copyable(instance)
    if node not in {
        each.name for each in monitoring.last_picture().nodes if each.is_ready and each.is_schedulable
    }:
        raise NoSuchNode(node=node)
    if node == ((volume.node_name if is_bound and volume else None) or instance.node_name):
        raise SameNode(node=node)
    if not is_bound:
        return ask(instance, OperationKind.RESCHEDULE, actor=actor, at=at, target_node=node)
    return ask(
        instance,
        OperationKind.MOVE,
        actor=actor,
        at=at,
        target_node=node,
        backup_reason=BackupReason.BEFORE_MOVE,
    )


def upgrade(instance_id: uuid.UUID, version: str, *, actor: Actor, at: datetime) -> Operation:
    """Have the application brought to a newer version, with a backup first, and back if it does not come up.

    Refuses NoSuchInstance, AnotherRuns, NotNow, KeepsNoData, NoSuchVersion.
    """
    instance = _lock_ready(instance_id, actor)
    _require_copyable(instance)
    if version not in get_recipe(instance.service_slug).newer_than(instance.version):
        raise NoSuchVersion(version=version)
    return ask(
        instance,
        OperationKind.UPGRADE,
        actor=actor,
        at=at,
        from_version=instance.version,
        target_version=version,
        backup_reason=BackupReason.BEFORE_UPGRADE,
    )


def evacuate(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> Operation:
    """Have it restored from its newest backup on another node than the one it is on, which is dead; for staff.

    What was written since that backup is lost, unless the node comes back: its volume is fenced, not deleted at once.
    Refuses NoSuchInstance, AnotherRuns, NotNow, KeepsNoData, NoBackupYet and what `restore` refuses.
    """
    instance = _lock_own(instance_id, actor)
    _require_free(instance)
    if instance.first_ran_at is None or instance.is_gone or instance.awaits_last_backup:
        raise NotNow(status=instance.status.value)
    _require_copyable(instance)
    newest = queries.newest_usable_backup(instance.id)
    if newest is None:
        raise NoBackupYet()
    backup = _usable(newest.id, instance, actor)
    volume = volumes.volume_of(instance.id, instance.volume_number)
    if volume is not None and volume.data_since is not None and backup.taken_at < volume.data_since:
        raise NoBackupYet()  # what there is, is from before a reset or a restore
    return ask(
        instance,
        OperationKind.EVACUATE,
        actor=actor,
        at=at,
        source_backup_id=backup.id,
        avoid_node=(volume.node_name if volume else None) or instance.node_name,
    )


def go_back(instance_id: uuid.UUID, number: int, *, actor: Actor, at: datetime) -> Operation:
    """Have it run on a volume again that it was taken off, with the data, version and secrets of that time.

    The volume that it leaves is kept in turn. Refuses NoSuchInstance, AnotherRuns, NotNow, NoSuchVolume,
    VolumeNotKept, VolumeOutOfReach.
    """
    instance = _lock_ready(instance_id, actor)
    volume = volumes.volume_of(instance.id, number)
    if volume is None:
        raise NoSuchVolume()
    if not volumes.is_kept(volume, at):
        raise VolumeNotKept(status=volume.status.value)
    if volumes.place_of(volume) in outages.out_of_reach():
        raise VolumeOutOfReach()
    return ask(instance, OperationKind.RETURN, actor=actor, at=at, target_volume=number)


def ask(
    instance: Instance,
    kind: OperationKind,
    *,
    actor: Actor,
    at: datetime,
    backup_reason: BackupReason | None = None,
    source_backup_id: uuid.UUID | None = None,
    target_node: str | None = None,
    avoid_node: str | None = None,
    from_version: str | None = None,
    target_version: str | None = None,
    target_volume: int | None = None,
) -> Operation:
    """Write down what was found allowed, and have it done after the commit. The instance is locked."""
    operation = Operation(
        id=new_id(),
        instance_id=instance.id,
        user_id=instance.user_id,
        kind=kind,
        status=OperationStatus.PENDING,
        step=Step.BEGIN,
        step_since=at,
        attempts=0,
        turn=0,
        is_under_way=False,
        may_retry=True,
        resumes=False,
        must_stand_still=False,
        backup_reason=backup_reason,
        source_backup_id=source_backup_id,
        target_node=target_node,
        avoid_node=avoid_node,
        from_version=from_version,
        target_version=target_version,
        target_volume=target_volume,
        requested_by=actor.name[:120],
        requested_by_id=actor.user_id,
        requested_at=at,
    )
    session().add(operation)
    if kind in HOLDING:
        controls.hold(instance, health=words_of(operation), at=at)
    trail.record(
        actor,
        trail.Action.OPERATION_REQUESTED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        operation=str(operation.id),
        kind=kind.value,
        backup=str(source_backup_id) if source_backup_id else None,
        node=target_node,
        version=target_version,
        volume=target_volume,
        reason=backup_reason.value if backup_reason else None,
    )
    run_later(operation, at)
    return operation


def run_later(operation: Operation, at: datetime) -> None:
    """Have the operation carried on after the commit."""
    outbox.later(Task.RUN_OPERATION, key=str(operation.id), at=at, operation_id=str(operation.id))


def ensure_carried_on(at: datetime) -> None:
    """Have every operation that is not at its end carried on, whatever became of its work in the queue."""
    wishes = {str(id_): {"operation_id": str(id_)} for id_ in queries.list_live()}
    outbox.ensure_each(Task.RUN_OPERATION, wishes, at=at)


def _lock_own(instance_id: uuid.UUID, actor: Actor) -> Instance:
    instance = controls.lock_instance(instance_id)
    if not actor.may_see(instance.user_id):
        raise NoSuchInstance()
    return instance


def _lock_ready(instance_id: uuid.UUID, actor: Actor) -> Instance:
    instance = _lock_own(instance_id, actor)
    _require_free(instance)
    if not _is_ready(instance):
        raise NotNow(status=instance.status.value)
    return instance


def _require_free(instance: Instance) -> None:
    live = queries.live_operation(instance.id)
    if live is not None:
        raise _another(live)


def _another(live: Operation) -> AnotherRuns:
    return AnotherRuns(operation=str(live.id), kind=live.kind.value)


def _is_ready(instance: Instance) -> bool:
    return instance.status in _READY and instance.first_ran_at is not None


def _require_copyable(instance: Instance) -> None:
    if not queries.is_copyable(instance):
        raise KeepsNoData()


def _usable(backup_id: uuid.UUID, instance: Instance, actor: Actor) -> Backup:
    backup = session().get(Backup, backup_id)
    if backup is None or not actor.may_see(backup.user_id):
        raise NoSuchSource()
    if backup.user_id != instance.user_id:
        raise OtherCustomer()
    if backup.service_slug != instance.service_slug:
        raise OtherApplication(backup=backup.service_slug, instance=instance.service_slug)
    if backup.status is not BackupStatus.DONE or backup.removed_at is not None:
        raise BackupNotUsable(status=backup.status.value)
    if backup.plain_size > instance.storage_gb * _GIGABYTE:
        raise DoesNotFit(bytes=backup.plain_size, storage_gb=instance.storage_gb)
    if backup.version in get_recipe(instance.service_slug).newer_than(instance.version):
        raise NewerVersion(backup=backup.version, instance=instance.version)
    return backup
