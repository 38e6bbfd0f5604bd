"""Have work done at once, through the queue: a periodic job out of turn, or what failed and waits for its next try."""

import uuid
from collections.abc import Collection
from datetime import datetime

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.tasks import Task
from minispod.upkeep.errors import NoSuchJob, NoSuchWork


def ask_for_run(name: str, *, known: Collection[str], actor: Actor, at: datetime) -> bool:
    """Have a periodic job run once, now; False when it was asked for already and has not run yet.

    `known` are the names of the timetable; refuses NoSuchJob.
    """
    if name not in known:
        raise NoSuchJob()
    if not outbox.ensure(Task.RUN_PERIODIC, key=name, at=at, name=name):
        return False
    trail.record(actor, trail.Action.JOB_ASKED_FOR, at=at, subject_kind="job", subject_id=name)
    return True


def retry(row_id: uuid.UUID, *, actor: Actor, at: datetime) -> bool:
    """Have failed work tried now; False when a worker is at it. Locks its row; refuses NoSuchWork."""
    row = outbox.hurry(row_id, at)
    if row is None:
        raise NoSuchWork()
    if not row.is_hurried:
        return False
    trail.record(
        actor,
        trail.Action.WORK_RETRIED,
        at=at,
        subject_kind="job",
        subject_id=row.task,
        key=row.key,
        attempts=row.attempts,
        last_error=row.last_error,
    )
    return True
