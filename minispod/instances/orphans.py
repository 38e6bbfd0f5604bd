"""Objects in the cluster with our labels that belong to no instance: told apart from trials and drills, and removed.

They are found by orphan_finding.py. Nothing is ever removed by itself: an administrator decides, for a volume with a
reason and its name, and a job carries that out. What somebody owns again meanwhile is left alone, and so is all that
a living instance has, whatever label it carries.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select

from minispod.audit import trail
from minispod.cluster.port import ClusterPort
from minispod.instances.errors import NoSuchOrphan, OrphanNotConfirmed, OrphanNotRemovable
from minispod.instances.models import Instance, InstanceVolume, Tenancy
from minispod.instances.naming import claim_name
from minispod.instances.orphan_finding import KINDS, NOBODY, bears_name_of, instance_id_of
from minispod.instances.orphan_models import Orphan, OrphanKind, OrphanWish
from minispod.instances.states import InstanceStatus, VolumeStatus
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.tasks import Task

_TRIAL_TAKES = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class RemovalOrder:
    """What is to be removed for an orphan; `by_label`: all that its workload came with, else the workload alone."""

    orphan_id: uuid.UUID
    kind: OrphanKind
    namespace: str
    name: str
    instance_label: str
    by_label: bool


def look_later(at: datetime) -> None:
    """Have the cluster looked at after the commit, instead of within ten minutes."""
    outbox.later(Task.FIND_ORPHANS, key="now", at=at)


def list_trials(*, at: datetime) -> Sequence[Orphan]:
    """Trials and drills that may still run; they end by themselves, so there are few. For staff."""
    query = select(Orphan).where(~is_nobodys(at)).order_by(Orphan.namespace, Orphan.kind.desc(), Orphan.name)
    return session().scalars(query).all()


def count_orphans(*, at: datetime) -> int:
    """How many objects nobody owns; a trial counts when it should long be over."""
    wanted = select(func.count()).select_from(Orphan)
    return int(session().scalar(wanted.where(is_nobodys(at))) or 0)


def is_nobodys(at: datetime) -> ColumnElement[bool]:
    """The condition that an orphan is no trial or drill that may still run."""
    return or_(Orphan.is_trial.is_(False), Orphan.first_seen_at <= at - _TRIAL_TAKES)


def lock_orphan(orphan_id: uuid.UUID) -> Orphan:
    """One orphan, locked; raise NoSuchOrphan."""
    row: Orphan | None = lock(Orphan, orphan_id)
    if row is None:
        raise NoSuchOrphan()
    return row


def remove(
    orphan_id: uuid.UUID, *, reason: str, confirmed: str | None = None, actor: Actor, at: datetime
) -> Orphan:
    """Decide that an orphan goes; the job removes it. For a volume `confirmed` must be its name: its data go too.

    Refuses OrphanNotConfirmed, OrphanNotRemovable (a namespace that still holds volumes, the volume of a living
    instance). Locks the orphan.
    """
    row = lock_orphan(orphan_id)
    if row.kind is OrphanKind.CLAIM and confirmed != row.name:
        raise OrphanNotConfirmed()
    if row.kind is OrphanKind.NAMESPACE and _holds_volumes(row.namespace):
        raise OrphanNotRemovable("The namespace still holds volumes. Decide about each of them first.")
    if row.kind is OrphanKind.CLAIM and _is_living_claim(row.namespace, row.name):
        raise OrphanNotRemovable("A living instance has its data on this volume, whatever its label says.")
    order(row, OrphanWish.REMOVE, at=at)
    _audit(row, trail.Action.ORPHAN_REMOVAL_DECIDED, actor, at, reason=reason)
    return row


def order(row: Orphan, wish: OrphanWish, *, at: datetime) -> None:
    """Have a job carry out what was decided about an orphan."""
    row.wish, row.wished_at, row.error = wish, at, None
    outbox.later(Task.RESOLVE_ORPHAN, key=str(row.id), at=at, orphan_id=str(row.id))


def claim(orphan_id: uuid.UUID) -> RemovalOrder | None:
    """What is to be removed; None when it was decided otherwise, or somebody owns it by now. Locks the orphan."""
    row: Orphan | None = lock(Orphan, orphan_id)
    if row is None or row.wish is None or (row.wish is OrphanWish.REMOVE and _is_owned(row)):
        return None
    return RemovalOrder(
        row.id, row.kind, row.namespace, row.name, row.instance_label, by_label=_is_alone_with_its_label(row)
    )


def carry_out(order: RemovalOrder, cluster: ClusterPort) -> bool:
    """Remove it; True when it is gone. Raises ClusterUnavailable, ClusterRefused, OrphanNotRemovable."""
    if order.kind is OrphanKind.CLAIM:
        return cluster.delete_claim(order.namespace, order.name)
    if order.kind is OrphanKind.WORKLOAD and order.by_label:
        return cluster.delete_instance(order.namespace, order.instance_label, with_volume=False)
    if order.kind is OrphanKind.WORKLOAD:
        return cluster.delete_workload(order.namespace, order.name, instance_label=order.instance_label)
    claims = cluster.inventory(KINDS[OrphanKind.CLAIM])
    if any(each["metadata"].get("namespace") == order.namespace for each in claims):
        raise OrphanNotRemovable("The namespace holds volumes; it is left alone.")
    return cluster.delete_namespace(order.namespace)


def settle(order: RemovalOrder, *, actor: Actor, at: datetime) -> Orphan | None:
    """It is gone: forget the orphan and return what it was, for whoever takes its place."""
    row: Orphan | None = lock(Orphan, order.orphan_id)
    if row is None:
        return None
    _audit(row, trail.Action.ORPHAN_REMOVED, actor, at)
    session().delete(row)
    return row


def note_refusal(orphan_id: uuid.UUID, sentence: str) -> None:
    """What was decided could not be done; an administrator reads why. Locks the orphan."""
    row: Orphan | None = lock(Orphan, orphan_id)
    if row is not None:
        row.wish, row.error = None, sentence


def forget(instance_label: str, namespace: str) -> None:
    """What carries this label in this namespace is owned again."""
    session().execute(
        delete(Orphan).where(Orphan.instance_label == instance_label, Orphan.namespace == namespace)
    )
    session().execute(
        delete(Orphan).where(Orphan.kind == OrphanKind.NAMESPACE, Orphan.namespace == namespace)
    )


def is_being_removed(instance_label: str, namespace: str) -> bool:
    """Tell whether anything with this label in this namespace was decided to go; locks what is asked about."""
    rows = session().scalars(
        select(Orphan)
        .where(Orphan.instance_label == instance_label, Orphan.namespace == namespace)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return any(row.wish is not None for row in rows)


def _is_owned(row: Orphan) -> bool:
    if row.kind is OrphanKind.NAMESPACE:
        tenancy = session().scalar(select(Tenancy).where(Tenancy.namespace == row.name))
        return tenancy is not None and tenancy.cleared_at is None
    if row.kind is OrphanKind.CLAIM:
        return _is_living_claim(row.namespace, row.name)
    instance = _named(row)
    return (
        instance is not None
        and not instance.is_gone
        and bears_name_of(instance, row.kind, row.namespace, row.name)
    )


def _is_living_claim(namespace: str, name: str) -> bool:
    """Tell whether an instance that is not gone has a volume of this name here."""
    volumes = (
        select(Instance.name, InstanceVolume.number)
        .join(InstanceVolume, InstanceVolume.instance_id == Instance.id)
        .where(
            Instance.namespace == namespace,
            Instance.status != InstanceStatus.TERMINATED,
            InstanceVolume.status != VolumeStatus.DELETED,
        )
    )
    return any(claim_name(each.name, each.number) == name for each in session().execute(volumes))


def _is_alone_with_its_label(row: Orphan) -> bool:
    """Tell whether nothing of a known instance goes when all with its label does: else only what was decided about."""
    if instance_id_of(row.instance_label) == NOBODY:
        return False
    instance = _named(row)
    if instance is None or instance.namespace != row.namespace:
        return True
    return instance.is_gone and bears_name_of(instance, row.kind, row.namespace, row.name)


def _named(row: Orphan) -> Instance | None:
    return session().get(Instance, instance_id_of(row.instance_label), populate_existing=True)


def _holds_volumes(namespace: str) -> bool:
    wanted = select(Orphan.id).where(Orphan.namespace == namespace, Orphan.kind == OrphanKind.CLAIM)
    living = select(Instance.id).where(
        Instance.namespace == namespace, Instance.status != InstanceStatus.TERMINATED
    )
    return session().scalar(wanted.limit(1)) is not None or session().scalar(living.limit(1)) is not None


def _audit(row: Orphan, action: trail.Action, actor: Actor, at: datetime, **details: Any) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="orphan",
        subject_id=row.id,
        kind=row.kind.value,
        namespace=row.namespace,
        name=row.name,
        **details,
    )
