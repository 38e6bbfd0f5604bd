"""Reads of operations. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.cluster import outages
from minispod.instances import volumes
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.queries import get_instance
from minispod.instances.states import VolumeStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.operations.errors import NoSuchOperation
from minispod.operations.models import Drill, Operation
from minispod.operations.states import LIVE, OperationKind, OperationStatus


def get_operation(operation_id: uuid.UUID, *, actor: Actor) -> Operation:
    """The operation; raise NoSuchOperation when it is missing or not the actor's."""
    operation = session().get(Operation, operation_id)
    if operation is None or not actor.may_see(operation.user_id):
        raise NoSuchOperation()
    return operation


def list_operations(instance_id: uuid.UUID, page: PageRequest, *, actor: Actor) -> Page[Operation]:
    """List what was and is done with an instance, newest first; raise NoSuchInstance."""
    instance = get_instance(instance_id, actor=actor)
    wanted = select(Operation).where(Operation.instance_id == instance.id)
    return page_of(wanted.order_by(Operation.requested_at.desc(), Operation.id.desc()), page)


def list_all(
    page: PageRequest, *, status: OperationStatus | None = None, kind: OperationKind | None = None
) -> Page[Operation]:
    """List operations of all customers for staff, newest first."""
    wanted = select(Operation).order_by(Operation.requested_at.desc(), Operation.id.desc())
    if status is not None:
        wanted = wanted.where(Operation.status == status)
    if kind is not None:
        wanted = wanted.where(Operation.kind == kind)
    return page_of(wanted, page)


def live_operation(instance_id: uuid.UUID) -> Operation | None:
    """The operation that waits or works on an instance now; the caller has checked the owner."""
    return session().scalar(
        select(Operation).where(Operation.instance_id == instance_id, Operation.status.in_(LIVE))
    )


def list_live() -> Sequence[uuid.UUID]:
    """All operations that are not at their end; for a sweep."""
    return session().scalars(select(Operation.id).where(Operation.status.in_(LIVE))).all()


def list_kept_volumes(instance_id: uuid.UUID, *, actor: Actor) -> Sequence[InstanceVolume]:
    """The volume in use and those that are kept for a while, newest first; raise NoSuchInstance."""
    instance = get_instance(instance_id, actor=actor)
    kept = (VolumeStatus.ACTIVE, VolumeStatus.RETIRED)
    return [each for each in volumes.list_volumes(instance.id) if each.status in kept]


def returnable(found: Sequence[InstanceVolume], at: datetime) -> frozenset[int]:
    """The numbers of those volumes that their instance can go back to now: kept, and where somebody answers."""
    lost = outages.out_of_reach()
    return frozenset(
        each.number for each in found if volumes.is_kept(each, at) and volumes.place_of(each) not in lost
    )


def newer_versions(instance: Instance) -> tuple[str, ...]:
    """The versions that an instance may be upgraded to, newest first."""
    return get_recipe(instance.service_slug).newer_than(instance.version)


def newest_usable_backup(instance_id: uuid.UUID) -> Backup | None:
    """The newest backup of an instance that can be restored; the caller has checked the owner."""
    return session().scalar(select(Backup).where(Backup.id == newest_usable_id(instance_id)))


def newest_usable_id(instance_id: uuid.UUID | InstrumentedAttribute[uuid.UUID]) -> ScalarSelect[uuid.UUID]:
    """Its id, to be asked for beside whatever finds the instance."""
    usable = select(Backup.id).where(
        Backup.instance_id == instance_id, Backup.status == BackupStatus.DONE, Backup.removed_at.is_(None)
    )
    return usable.order_by(Backup.taken_at.desc()).limit(1).correlate(Instance).scalar_subquery()


def awaiting_decision() -> Select[Instance]:
    """Instances whose deletion waits for a last backup that nobody is taking: a person must decide (staff)."""
    taking = select(Operation.instance_id).where(Operation.status.in_(LIVE))
    return (
        select(Instance)
        .where(Instance.awaits_last_backup, Instance.id.not_in(taking))
        .order_by(Instance.updated_at)
    )


def count_live(reason: BackupReason) -> int:
    """Number of backups of this reason that wait or run."""
    counted = select(func.count()).select_from(Operation)
    return session().scalar(counted.where(Operation.backup_reason == reason, Operation.status.in_(LIVE))) or 0


def newest_drills(limit: int = 20) -> Sequence[Drill]:
    """The newest drills, for staff."""
    return session().scalars(select(Drill).order_by(Drill.requested_at.desc(), Drill.id).limit(limit)).all()


def is_copyable(instance: Instance) -> bool:
    """Tell whether the application keeps data and its recipe says how they are copied."""
    return any(each.backup for each in get_recipe(instance.service_slug).containers.values())
