"""The background work: who shows signs of life, what waits for how long, and what failed before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from minispod.kernel import pulse
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task

_LATE_AFTER = timedelta(minutes=2)
_SILENT_AFTER = timedelta(minutes=1)
_PROCESSES = ("worker", "scheduler")
_SHOWN = 30


@dataclass(frozen=True, slots=True)
class LateWork:
    """Work that should have been done: how much, since when, how much of it failed; `in_hand` is all work."""

    total: int
    since: datetime | None
    failing: int
    in_hand: int


@dataclass(frozen=True, slots=True)
class WaitingKind:
    """How much of one kind of work waits."""

    task: str
    total: int
    failing: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """All work that is not done: by kind, and the rows that failed before, most often tried first."""

    kinds: Sequence[WaitingKind]
    failing: Sequence[OutboxRow]


def signs_of_life() -> Sequence[tuple[str, datetime | None]]:
    """Each background process with its last sign of life."""
    signs = pulse.signs(_PROCESSES)
    return [(name, signs.get(name)) for name in _PROCESSES]


def silent_processes(at: datetime) -> Sequence[tuple[str, datetime | None]]:
    """The processes that have shown no sign of life lately, with their last one."""
    return [(name, sign) for name, sign in signs_of_life() if sign is None or at - sign > _SILENT_AFTER]


def late_work(at: datetime) -> LateWork:
    """Work that is overdue, or keeps failing."""
    troubled = or_(OutboxRow.run_after < at - _LATE_AFTER, OutboxRow.last_error.is_not(None))
    total, since, failing, in_hand = (
        session()
        .execute(
            select(
                func.count().filter(troubled),
                func.min(OutboxRow.created_at).filter(troubled),
                func.count().filter(OutboxRow.last_error.is_not(None)),
                func.count(),
            )
        )
        .one()
    )
    return LateWork(int(total), since, int(failing), int(in_hand))


def waiting_work() -> WaitingWork:
    """What waits, by kind and with its failures."""
    kinds = session().execute(
        select(
            OutboxRow.task,
            func.count(),
            func.count().filter(OutboxRow.last_error.is_not(None)),
            func.min(OutboxRow.created_at),
        )
        .group_by(OutboxRow.task)
        .order_by(OutboxRow.task)
    )
    failing = session().scalars(
        select(OutboxRow)
        .where(OutboxRow.last_error.is_not(None))
        .order_by(OutboxRow.attempts.desc(), OutboxRow.created_at)
        .limit(_SHOWN)
    )
    return WaitingWork([WaitingKind(*row) for row in kinds], failing.all())


def find_row(task: Task, key: str) -> OutboxRow | None:
    """One piece of work that is not done; None when it is."""
    wanted = select(OutboxRow).where(OutboxRow.task == task.value, OutboxRow.key == key)
    return session().scalar(wanted.execution_options(populate_existing=True))


def keys_of(task: Task) -> frozenset[str]:
    """The keys of all work of one kind that is not done."""
    return frozenset(session().scalars(select(OutboxRow.key).where(OutboxRow.task == task.value)))
