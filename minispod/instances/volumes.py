"""The volumes of an instance: which one it runs on, which one is being filled, which are kept for a while.

A volume is given up in two steps: it is retired (with a reason and a day until which it is kept), and deleted by a job
after that day. A number is never used twice, so that nothing can write to a volume that is gone. Rows are written under
the lock of their instance.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from minispod.audit import trail
from minispod.cluster.port import VolumeSighting
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.naming import claim_name
from minispod.instances.states import InstanceStatus, VolumeStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.inserting import insert_now

# Who asks for a volume has asked long before it is deleted, however long he waits for a lock.
_TOO_LATE = timedelta(minutes=5)
_SPARE = (VolumeStatus.FILLING, VolumeStatus.RETIRED)


@dataclass(frozen=True, slots=True)
class DoomedVolume:
    """A volume whose time is over; `claim` is its name in the cluster."""

    id: uuid.UUID
    namespace: str
    claim: str


def first_volume(instance: Instance, *, at: datetime) -> InstanceVolume:
    """Write the row of a new instance's volume; the instance is written."""
    volume = InstanceVolume(instance_id=instance.id, number=1, status=VolumeStatus.ACTIVE, created_at=at)
    insert_now(volume)
    return volume


def open_fresh(instance: Instance, *, at: datetime) -> InstanceVolume:
    """Write the row of a fresh volume with the next number, to be filled. The caller has locked the instance."""
    newest = session().scalar(
        select(func.max(InstanceVolume.number)).where(InstanceVolume.instance_id == instance.id)
    )
    return _write(instance, max(newest or 0, instance.volume_number) + 1, VolumeStatus.FILLING, at)


def volume_of(instance_id: uuid.UUID, number: int) -> InstanceVolume | None:
    """Find one volume of an instance."""
    return session().scalar(
        select(InstanceVolume).where(
            InstanceVolume.instance_id == instance_id, InstanceVolume.number == number
        )
    )


def list_volumes(instance_id: uuid.UUID) -> Sequence[InstanceVolume]:
    """All volumes an instance ever had, newest first; the caller has checked the owner."""
    wanted = select(InstanceVolume).where(InstanceVolume.instance_id == instance_id)
    return session().scalars(wanted.order_by(InstanceVolume.number.desc())).all()


def switch(
    instance: Instance,
    number: int,
    *,
    reason: str,
    keep: timedelta,
    at: datetime,
    fenced_node: str | None = None,
) -> InstanceVolume:
    """Let the instance run on another of its volumes from now on, and give that; the one so far is retired.

    Which version wrote the retired one, and with which secrets, is kept with it.
    """
    old = volume_of(instance.id, instance.volume_number)
    if old is not None:
        old.status = VolumeStatus.RETIRED
        old.retired_at = at
        old.reason = reason
        old.keep_until = at + keep
        old.fenced_node = fenced_node
        old.version, old.sealed_secrets = instance.version, instance.sealed_secrets
        session().flush()  # one active volume at a time, also within this transaction
    volume = volume_of(instance.id, number) or open_fresh(instance, at=at)
    volume.status = VolumeStatus.ACTIVE
    volume.retired_at = volume.reason = volume.keep_until = volume.fenced_node = None
    instance.volume_number = volume.number
    return volume


def take_up(instance: Instance, number: int, *, at: datetime) -> None:
    """An instance that was gone runs again on this one of the volumes that it had. The caller has locked it."""
    for other in list_volumes(instance.id):
        if other.status is VolumeStatus.ACTIVE and other.number != number:
            forget(other, at=at)
    session().flush()  # one active volume at a time, also within this transaction
    instance.volume_number = number
    volume = volume_of(instance.id, number)
    if volume is None:
        _write(instance, instance.volume_number, VolumeStatus.ACTIVE, at)
        return
    volume.status = VolumeStatus.ACTIVE
    volume.deleted_at = volume.retired_at = volume.reason = volume.keep_until = volume.fenced_node = None


def forget(volume: InstanceVolume, *, at: datetime) -> None:
    """Note that a volume is gone from the cluster."""
    volume.status = VolumeStatus.DELETED
    volume.deleted_at = at
    volume.sealed_secrets = None


def forget_all(instance: Instance, *, at: datetime) -> None:
    """Note that all volumes of an instance are gone with it."""
    session().execute(
        update(InstanceVolume)
        .where(InstanceVolume.instance_id == instance.id, InstanceVolume.status != VolumeStatus.DELETED)
        .values(status=VolumeStatus.DELETED, deleted_at=at, sealed_secrets=None)
    )


def is_kept(volume: InstanceVolume, at: datetime) -> bool:
    """Tell whether its instance can still go back to it: it was retired, and is not about to be deleted."""
    return (
        volume.status is VolumeStatus.RETIRED
        and volume.keep_until is not None
        and volume.keep_until > at + _TOO_LATE
    )


def may_be_bound(instance: Instance, volume: InstanceVolume | None) -> bool:
    """Tell whether the data of an instance are tied to a node, or nobody has looked yet."""
    return instance.storage_gb > 0 and (volume is None or volume.is_node_bound is not False)


def place_of(volume: InstanceVolume) -> str | None:
    """The node without which a volume cannot be reached; None when every node reaches it, or nobody knows."""
    return volume.fenced_node or (None if volume.is_node_bound is False else volume.node_name)


def keep_on(nodes: Collection[str], until: datetime) -> None:
    """Keep the retired volumes that lie on these nodes at least until then; for nodes that do not answer."""
    place = func.coalesce(InstanceVolume.fenced_node, InstanceVolume.node_name)
    session().execute(
        update(InstanceVolume)
        .where(
            InstanceVolume.status == VolumeStatus.RETIRED,
            InstanceVolume.keep_until < until,
            InstanceVolume.is_node_bound.is_not(False),
            place.in_(nodes),
        )
        .values(keep_until=until)
    )


def note_places(sightings: Sequence[VolumeSighting]) -> None:
    """Write down where the cluster says that the volumes in use lie, and which of them are tied to their node."""
    places = {(each.namespace, each.claim): each for each in sightings}
    rows = session().execute(
        select(InstanceVolume, Instance)
        .join(Instance, Instance.id == InstanceVolume.instance_id)
        .where(InstanceVolume.status == VolumeStatus.ACTIVE)
    )
    for volume, instance in rows:
        place = places.get((instance.namespace, claim_name(instance.name, volume.number)))
        if place is None:
            continue
        volume.is_node_bound = len(place.nodes) == 1
        if volume.is_node_bound:
            volume.node_name = place.nodes[0]


def ties() -> Mapping[uuid.UUID, str]:
    """The node, by instance, that volumes in use are tied to."""
    rows = session().execute(
        select(InstanceVolume.instance_id, InstanceVolume.node_name).where(
            InstanceVolume.status == VolumeStatus.ACTIVE,
            InstanceVolume.is_node_bound.is_(True),
            InstanceVolume.node_name.is_not(None),
        )
    )
    return {instance_id: str(node) for instance_id, node in rows}


def note_nodes(instance_id: uuid.UUID | None = None) -> None:
    """Write down on which nodes the volumes in use were last seen: of one instance, or of all."""
    seen = (
        update(InstanceVolume)
        .where(
            InstanceVolume.instance_id == Instance.id,
            InstanceVolume.number == Instance.volume_number,
            InstanceVolume.status == VolumeStatus.ACTIVE,
            InstanceVolume.is_node_bound.is_not(True),
            Instance.node_name.is_not(None),
            InstanceVolume.node_name.is_distinct_from(Instance.node_name),
        )
        .values(node_name=Instance.node_name)
    )
    if instance_id is not None:
        seen = seen.where(Instance.id == instance_id)
    session().flush()  # the nodes just noted on the instances
    session().execute(seen, execution_options={"synchronize_session": False})


def spare_volumes(user_id: uuid.UUID) -> Mapping[uuid.UUID, int]:
    """Count, by instance, a customer's volumes beside those in use."""
    rows = session().execute(
        select(InstanceVolume.instance_id, func.count())
        .join(Instance, Instance.id == InstanceVolume.instance_id)
        .where(Instance.user_id == user_id, InstanceVolume.status.in_(_SPARE))
        .group_by(InstanceVolume.instance_id)
    )
    return {instance_id: int(count) for instance_id, count in rows}


def due_for_deletion(at: datetime, limit: int = 50) -> list[DoomedVolume]:
    """List retired volumes whose time is over; what an operation works on is left alone."""
    rows = session().execute(
        select(InstanceVolume, Instance)
        .join(Instance, Instance.id == InstanceVolume.instance_id)
        .where(
            InstanceVolume.status == VolumeStatus.RETIRED,
            InstanceVolume.keep_until <= at,
            Instance.status != InstanceStatus.MAINTENANCE,
        )
        .order_by(InstanceVolume.keep_until)
        .limit(limit)
    )
    return [
        DoomedVolume(volume.id, instance.namespace, claim_name(instance.name, volume.number))
        for volume, instance in rows
    ]


def settle_deleted(volume_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """A retired volume is gone: note it, and write it into the book."""
    volume: InstanceVolume | None = lock(InstanceVolume, volume_id)
    if volume is None or volume.status is not VolumeStatus.RETIRED:
        return
    forget(volume, at=at)
    trail.record(
        actor,
        trail.Action.INSTANCE_VOLUME_DELETED,
        at=at,
        subject_kind="instance",
        subject_id=volume.instance_id,
        volume=volume.number,
        retired_for=volume.reason,
        retired_at=volume.retired_at.isoformat() if volume.retired_at else None,
    )


def _write(instance: Instance, number: int, status: VolumeStatus, at: datetime) -> InstanceVolume:
    volume = InstanceVolume(instance_id=instance.id, number=number, status=status, created_at=at)
    session().add(volume)
    session().flush()  # its instance may be as new as it is
    return volume
