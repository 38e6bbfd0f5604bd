"""Compare what the cluster shows with what is wanted: level, not edge.

One list per kind for all instances. Health and usage are noted; drift (a workload that is gone, stopped
or different although it should run) puts the instance back to work, and so does a failed one that came up
after all. What changed after the look is not judged by it. Nothing is deleted here.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.cluster.port import PodUsage, WorkloadSighting
from minispod.instances import lost_nodes, restarts, volumes
from minispod.instances.controls import ensure_reconciled, run
from minispod.instances.models import Instance
from minispod.instances.states import HEALTHY, InstanceStatus, Wanted
from minispod.kernel.database import session

_SETTLED = (InstanceStatus.RUNNING, InstanceStatus.STOPPED)
# What is gone, and what an operation works on.
_LEFT_ALONE = (InstanceStatus.TERMINATED, InstanceStatus.MAINTENANCE)
_IMPATIENT_AFTER = timedelta(minutes=2)
# What somebody changed by hand and no figure shows (an image, a limit) is put right by applying again.
_APPLY_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Observed:
    """What an observation found."""

    seen: int
    unhealthy: int
    drifted: tuple[uuid.UUID, ...]
    orphans: tuple[str, ...]


def apply_sightings(
    sightings: Sequence[WorkloadSighting], usages: Sequence[PodUsage], *, at: datetime
) -> Observed:
    """Note health and usage of every instance, and have drift repaired; `at` is when the look began."""
    # A label alone proves nothing: a copy of a workload has it too.
    by_place = {(each.instance_id, each.namespace, each.name): each for each in sightings}
    by_pod = {(usage.namespace, usage.pod_name): usage for usage in usages}
    instances = (
        session()
        .scalars(
            select(Instance)
            .where(Instance.status.not_in(_LEFT_ALONE), Instance.status_changed_at <= at)
            .order_by(Instance.id)
            # A row that is being worked on is left alone: its own job will tell.
            .with_for_update(skip_locked=True)
        )
        .all()
    )
    lost = lost_nodes.look()
    drifted = []
    unhealthy = 0
    for instance in instances:
        sighting = by_place.get((str(instance.id), instance.namespace, instance.name))
        if _came_up(instance, sighting):
            # An image that can be pulled again, a node that is back: nobody needs to press Retry.
            run(instance, at=at)
        elif _has_drifted(instance, sighting, at):
            drifted.append(instance.id)
            ensure_reconciled(instance, at)
        if instance.status is InstanceStatus.RUNNING:
            _note(instance, sighting, by_pod, at)
            if instance.health_status != HEALTHY and (reason := lost.reason(instance)):
                instance.health_status = f"Unhealthy: {reason}"
            unhealthy += instance.health_status != HEALTHY
    volumes.note_nodes()
    known = set(session().scalars(select(Instance.id)))
    orphans = tuple(
        f"{sighting.namespace}/{sighting.name}"
        for sighting in sightings
        if not _is_known(sighting.instance_id, known)
    )
    return Observed(len(instances), unhealthy, tuple(drifted), orphans)


def _came_up(instance: Instance, sighting: WorkloadSighting | None) -> bool:
    return instance.status is InstanceStatus.ERROR and sighting is not None and sighting.is_ready


def _is_known(text: str, known: set[uuid.UUID]) -> bool:
    try:
        return uuid.UUID(text) in known
    except ValueError:
        return False


def _has_drifted(instance: Instance, sighting: WorkloadSighting | None, at: datetime) -> bool:
    if instance.awaits_last_backup:
        return False
    if instance.status in _SETTLED:
        if instance.wanted is Wanted.RUNNING:
            if instance.applied_at is None or at - instance.applied_at > _APPLY_AGAIN_AFTER:
                return True
            return sighting is None or sighting.wanted_replicas != 1
        return sighting is not None and sighting.wanted_replicas != 0
    # Work that should be under way and shows no progress: its outbox row may be gone with a lost database
    # or a bug; asking again is harmless.
    waiting = instance.status is not InstanceStatus.ERROR
    return waiting and at - instance.status_changed_at > _IMPATIENT_AFTER


def _note(
    instance: Instance,
    sighting: WorkloadSighting | None,
    usages: dict[tuple[str, str], PodUsage],
    at: datetime,
) -> None:
    instance.last_health_check_at = at
    instance.updated_at = at
    if sighting is None:
        instance.health_status = "Unhealthy: the workload is missing and is being restored"
        return
    restarts.note(instance, sighting, at=at)
    instance.pod_name = sighting.pod_name
    instance.node_name = sighting.node_name
    if sighting.is_ready:
        instance.health_status = HEALTHY
    else:
        reason = sighting.trouble.sentence if sighting.trouble else "not ready"
        instance.health_status = f"Unhealthy: {reason}"[:300]
    usage = usages.get((instance.namespace, sighting.pod_name or ""))
    if usage is not None:
        instance.cpu_usage = usage.cpu_milli
        instance.memory_usage = round(usage.memory_mb, 2)
