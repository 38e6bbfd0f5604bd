"""Record whether instances are there while they are meant to be: at each look at the cluster, and at each settling.

Only what was seen is recorded. A cluster that is silent, or a worker that does not run, makes a gap between two
watches, which counts as unknown. What a person asked for (stop, start, restart, another size, maintenance) is no
outage (docs/adr/0023).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from minispod.cluster.port import WorkloadSighting
from minispod.instances.models import Instance
from minispod.instances.states import IN_TRANSITION, InstanceStatus, Wanted
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.kernel.database import session

START_ALLOWANCE = timedelta(minutes=10)
"""What was started, restarted or resized at somebody's wish may take this long to come up without being down."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What of an instance decides whether it counts."""

    wanted: Wanted
    status: InstanceStatus
    first_ran_at: datetime | None
    status_changed_at: datetime


def judge(meant: Meant, was: Standing | None, *, is_ready: bool, at: datetime) -> Standing | None:
    """Tell how an instance stands, given how it stood; None when it is not meant to run, or is on its way by a wish."""
    off = (InstanceStatus.MAINTENANCE, InstanceStatus.TERMINATED)
    if meant.wanted is not Wanted.RUNNING or meant.first_ran_at is None or meant.status in off:
        return None
    if is_ready and meant.status is not InstanceStatus.ERROR:
        return Standing.UP
    if meant.status in IN_TRANSITION and was is not Standing.DOWN:
        return None if at - meant.status_changed_at <= START_ALLOWANCE else Standing.DOWN
    return Standing.DOWN


def note_look(sightings: Sequence[WorkloadSighting], *, tolerance: timedelta, at: datetime) -> int:
    """Record one look at all instances, begun at `at`; returns how many changed. Skips what is being worked on."""
    _watch(at, tolerance)
    ready = {each.instance_id for each in sightings if each.is_ready}
    rows = session().execute(
        select(
            Instance.id,
            Instance.wanted,
            Instance.status,
            Instance.first_ran_at,
            Instance.status_changed_at,
        )
        .where(
            Instance.status != InstanceStatus.TERMINATED,
            Instance.first_ran_at.is_not(None),
            Instance.status_changed_at <= at,
        )
        .order_by(Instance.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    seen = {row[0]: Meant(*row[1:]) for row in rows}
    open_spans = _open_spans(None)
    changed = 0
    for instance_id, meant in seen.items():
        span = open_spans.get(instance_id)
        standing = judge(meant, span.standing if span else None, is_ready=str(instance_id) in ready, at=at)
        changed += _turn(instance_id, span, standing, at)
    return changed


def note(instance: Instance, *, is_ready: bool, at: datetime) -> None:
    """Record what working on one instance has just shown; the caller has locked it."""
    meant = Meant(instance.wanted, instance.status, instance.first_ran_at, instance.status_changed_at)
    span = _open_spans(instance.id).get(instance.id)
    _turn(instance.id, span, judge(meant, span.standing if span else None, is_ready=is_ready, at=at), at)


def forget(before: datetime) -> None:
    """Remove what ended earlier."""
    session().execute(delete(AvailabilitySpan).where(AvailabilitySpan.ended_at < before))
    session().execute(delete(ClusterWatch).where(ClusterWatch.until < before))


def _open_spans(instance_id: uuid.UUID | None) -> dict[uuid.UUID, AvailabilitySpan]:
    wanted = select(AvailabilitySpan).where(AvailabilitySpan.ended_at.is_(None))
    if instance_id is not None:
        wanted = wanted.where(AvailabilitySpan.instance_id == instance_id)
    found = session().scalars(wanted.execution_options(populate_existing=True))
    return {span.instance_id: span for span in found}


def _turn(
    instance_id: uuid.UUID, span: AvailabilitySpan | None, standing: Standing | None, at: datetime
) -> bool:
    """Let another span begin at `at` if the standing is another; what was seen later already is not undone."""
    if (span.standing if span else None) is standing or (span is not None and at <= span.began_at):
        return False
    if span is not None:
        span.ended_at = at
        session().flush()  # one open span at a time: the old one is closed before the new one begins
    if standing is not None:
        session().add(AvailabilitySpan(instance_id=instance_id, began_at=at, standing=standing))
    return True


def _watch(at: datetime, tolerance: timedelta) -> None:
    """Go on watching, or begin anew after a gap."""
    last = session().scalar(
        select(ClusterWatch).order_by(ClusterWatch.began_at.desc()).limit(1).with_for_update()
    )
    if last is not None and at - last.until <= tolerance:
        last.until = max(last.until, at)
    else:
        session().add(ClusterWatch(began_at=at, until=at))
