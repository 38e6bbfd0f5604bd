"""Run one outbox row: lease it, do it, and remove, postpone or give up the row.

The error policy of all jobs is here: Unavailable means later with a growing pause, other refusals are
final (the act has settled what there was to settle), anything unexpected is tried again a few times and
then left for a person, logged as an error.
"""

import uuid
from datetime import timedelta

import structlog

from minispod.jobs.registry import HANDLERS
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.errors import Refusal, Unavailable
from minispod.kernel.faultpoints import Step
from minispod.kernel.outbox import Lease
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings

log = structlog.get_logger()

_CRASHES = 8
_LONGEST_PAUSE = 300
_GIVEN_UP = timedelta(days=1)


def run_row(row_id: uuid.UUID, *, ports: Ports, settings: Settings) -> bool:
    """Do the work of one row if it is due and free; False when there was nothing to do."""
    with unit_of_work(step=Step.TAKE_WORK):
        lease = outbox.take(row_id, ports.clock.now())
    if lease is None:
        return False
    with structlog.contextvars.bound_contextvars(
        job_id=str(row_id), task=lease.task.value, caused_by=lease.caused_by, request_id=lease.caused_by
    ):
        _run(lease, ports, settings)
    release_connection()
    return True


def _run(lease: Lease, ports: Ports, settings: Settings) -> None:
    again: timedelta | None = None
    error: str | None = None
    try:
        again = HANDLERS[lease.task](Work(lease, ports, settings))
    except Unavailable as silence:
        again, error = _pause(lease.attempts, silence.retry_after or 0), silence.message
        log.warning("job.postponed", code=silence.code, attempts=lease.attempts)
    except Refusal as refusal:
        log.info("job.refused", code=refusal.code)
    except Exception as crash:
        error = f"{type(crash).__name__}"
        again = _pause(lease.attempts) if lease.attempts < _CRASHES else _GIVEN_UP
        log.exception("job.crashed", attempts=lease.attempts)
    # A read that failed outside a unit of work would take the row's own transaction down with it.
    release_connection()
    with unit_of_work(ports.courier, Step.END_WORK):
        at = ports.clock.now()
        if again is None:
            outbox.finish(lease, at)
        else:
            outbox.postpone(lease, at, again, error)


def _pause(attempts: int, asked_for: int = 0) -> timedelta:
    return timedelta(seconds=min(_LONGEST_PAUSE, max(2**attempts, asked_for)))


def sweep(*, ports: Ports, limit: int = 200) -> int:
    """Hand over every row that is due and not with a worker; returns how many."""
    with unit_of_work():
        rows = outbox.due(ports.clock.now(), limit)
    if rows:
        ports.courier.deliver(dict(rows))
    return len(rows)


def run_all(*, ports: Ports, settings: Settings, limit: int = 1000) -> int:
    """Do everything that is due here and now, without a queue; for scenarios and for a person's hand."""
    done = 0
    while done < limit:
        with unit_of_work():
            rows = outbox.due(ports.clock.now(), 50)
        ran = sum(run_row(row_id, ports=ports, settings=settings) for row_id, _ in rows)
        done += ran
        if not ran:
            break
    return done
