"""The outbox: work that must happen, written in the same transaction as its cause.

`later()` causes work; `ensure()` is for sweeps that find it undone. A row lives until its work is done,
not merely until it was handed to the queue: the queue is a courier that may lose everything. One row per
(task, key); asking again while it runs bumps `version`, and the row is then run once more, so no wish is
lost. `attempts` counts failures in a row, not rounds. See docs/adr/0003.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import (
    ColumnElement,
    Index,
    String,
    Text,
    UniqueConstraint,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, run, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.inserting import insert_values
from minispod.kernel.tasks import Queue, Task

log = structlog.get_logger()

_REDELIVER_AFTER = timedelta(seconds=20)
_ERROR_LENGTH = 500
_KNOWN = tuple(task.value for task in Task)


class OutboxRow(Identified, Base):
    """One piece of work that is not done yet."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("task", "key"),
        Index("ix_outbox_run_after_leased_until", "run_after", "leased_until"),
    )

    task: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(120))
    args: Mapped[dict[str, Any]]
    caused_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    run_after: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    handed_over_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    # How often it was leased: a worker that was overtaken is told by it.
    leases: Mapped[int] = mapped_column(default=0, server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)


_ROWS = table_of(OutboxRow)
_WISH = insert(_ROWS)
_ASK = _WISH.on_conflict_do_update(
    index_elements=["task", "key"],
    set_={
        "args": _WISH.excluded.args,
        "caused_by": func.coalesce(_WISH.excluded.caused_by, OutboxRow.caused_by),
        "run_after": func.least(OutboxRow.run_after, _WISH.excluded.run_after),
        "version": OutboxRow.version + 1,
        "attempts": 0,
        "handed_over_at": None,
    },
).returning(OutboxRow.id, OutboxRow.run_after)
_ASK_ONCE = _WISH.on_conflict_do_nothing(index_elements=["task", "key"]).returning(OutboxRow.id)


class Courier(Protocol):
    """Carries the ids of outbox rows to workers; may lose them, may deliver them twice."""

    def deliver(self, rows: Mapping[uuid.UUID, Queue]) -> None:
        """Put each row's id on its queue; raise Unavailable when the queues do not answer."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one row until the lease ends."""

    row_id: uuid.UUID
    task: Task
    key: str
    args: dict[str, Any]
    version: int
    attempts: int
    caused_by: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Hurried:
    """A row that was asked to be tried now, as it was before; not hurried: a worker is at it."""

    task: str
    key: str
    attempts: int
    last_error: str | None
    is_hurried: bool


def later(task: Task, *, key: str, at: datetime, delay: timedelta = timedelta(0), **args: str) -> None:
    """Have `task` done after the commit, not before `at + delay`; asking twice for one key is one piece of work."""
    row = run(_ASK, _wish(task, key, at, at + delay, args)).one()
    if row.run_after <= at:
        _hand_over(row.id, task)


def later_of_new(task: Task, *, key: str, at: datetime, **args: str) -> None:
    """The same at once under a key as new as what it names: nobody else can have asked under it."""
    wish = _wish(task, key, at, at, args)
    insert_values(_ROWS, wish)
    _hand_over(wish["id"], task)


def ensure(task: Task, *, key: str, at: datetime, **args: str) -> bool:
    """Have `task` done unless it waits or runs already; what waits keeps its pause, because a sweep asks again.

    False when it does.
    """
    row_id = run(_ASK_ONCE, _wish(task, key, at, at, args)).scalar_one_or_none()
    if row_id is not None:
        _hand_over(row_id, task)
    return row_id is not None


def ensure_each(task: Task, wishes: Mapping[str, Mapping[str, str]], *, at: datetime) -> None:
    """The same for many keys, each with its arguments.

    In the order of the keys: two sweeps at once would otherwise wait for each other's rows in a circle.
    """
    for key in sorted(wishes):
        ensure(task, key=key, at=at, **wishes[key])


def hurry(row_id: uuid.UUID, at: datetime) -> Hurried | None:
    """Have a row that waits tried now, with all its tries before it again; None when it is done. Locks it."""
    row = session().scalar(
        select(OutboxRow)
        .where(OutboxRow.id == row_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.task not in _KNOWN:
        return None
    is_free = row.leased_until is None or row.leased_until < at
    found = Hurried(row.task, row.key, row.attempts, row.last_error, is_free)
    if is_free:
        row.run_after, row.attempts, row.handed_over_at = min(row.run_after, at), 0, None
        _hand_over(row.id, Task(row.task))
    return found


def dispatch(courier: Courier) -> None:
    """Hand over what the transaction just committed; what fails stays for the sweep."""
    rows: list[tuple[uuid.UUID, Queue]] = session().info.pop("outbox", [])
    if not rows:
        return
    try:
        courier.deliver(dict(rows))
    except Exception as error:  # noqa: BLE001 - the courier is outside: whatever it raises, the sweep will deliver
        log.warning("outbox.courier_silent", error=type(error).__name__)


def forget_pending() -> None:
    """Drop the list of rows to hand over: their transaction was rolled back."""
    session().info.pop("outbox", None)


def due(at: datetime, limit: int = 200) -> Sequence[tuple[uuid.UUID, Queue]]:
    """Mark and list rows that should be with a worker and are not: never sent, lost, or to be tried again."""
    free = or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < at)
    lost = or_(OutboxRow.handed_over_at.is_(None), OutboxRow.handed_over_at < at - _REDELIVER_AFTER)
    wanted = (
        select(OutboxRow)
        # During a deployment a newer version may have asked for what only it can do.
        .where(OutboxRow.task.in_(_KNOWN), OutboxRow.run_after <= at, free, lost)
        .order_by(OutboxRow.run_after)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session().scalars(wanted).all()
    for row in rows:
        row.handed_over_at = at
    return [(row.id, Task(row.task).nature.queue) for row in rows]


def take(row_id: uuid.UUID, at: datetime) -> Lease | None:
    """Lease a row to this worker; None when it is done, not due yet, or another worker has it."""
    row = session().scalar(
        select(OutboxRow)
        .where(
            OutboxRow.id == row_id,
            OutboxRow.run_after <= at,
            or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < at),
        )
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    task = Task(row.task)
    row.leased_until = at + timedelta(seconds=task.nature.lease_seconds)
    row.attempts += 1
    row.leases += 1
    return Lease(row.id, task, row.key, dict(row.args), row.version, row.attempts, row.caused_by, row.leases)


def extend(lease: Lease, at: datetime) -> bool:
    """Hold the row for another lease from now on; False when another worker has taken it over meanwhile."""
    until = at + timedelta(seconds=lease.task.nature.lease_seconds)
    held = session().execute(update(OutboxRow).where(*_mine(lease)).values(leased_until=until))
    return bool(held.rowcount)  # type: ignore[attr-defined]


def is_leased(task: Task, key: str, at: datetime) -> bool:
    """Tell whether a worker is at this piece of work now."""
    row = select(OutboxRow.id).where(
        OutboxRow.task == task.value, OutboxRow.key == key, OutboxRow.leased_until >= at
    )
    return session().scalar(row) is not None


def finish(lease: Lease, at: datetime) -> None:
    """Remove the row, unless somebody asked again meanwhile: then free it to run once more.

    What another worker has taken over meanwhile is left to it.
    """
    removed = session().execute(delete(OutboxRow).where(*_mine(lease), OutboxRow.version == lease.version))
    if not removed.rowcount:  # type: ignore[attr-defined]
        freed = session().execute(
            update(OutboxRow).where(*_mine(lease)).values(leased_until=None, handed_over_at=None)
        )
        if freed.rowcount:  # type: ignore[attr-defined]
            _hand_over(lease.row_id, lease.task)


def postpone(lease: Lease, at: datetime, delay: timedelta, error: str | None = None) -> None:
    """Free the row to be run again after `delay`; without an error it is a further round, not a failure."""
    session().execute(
        update(OutboxRow)
        .where(*_mine(lease))
        .values(
            leased_until=None,
            handed_over_at=None,
            # Somebody who asked again meanwhile does not wait for our backoff.
            run_after=case((OutboxRow.version == lease.version, at + delay), else_=at),
            attempts=OutboxRow.attempts if error else 0,
            last_error=error[:_ERROR_LENGTH] if error else None,
        )
    )


def waits(task: Task, at: datetime) -> bool:
    """Tell whether work of this kind is due, on a queue, and with nobody; what no queue has waits for no worker."""
    free = or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < at)
    waiting = select(OutboxRow.id).where(
        OutboxRow.task == task.value, OutboxRow.run_after <= at, free, OutboxRow.handed_over_at.is_not(None)
    )
    return session().scalar(waiting.limit(1)) is not None


def _wish(task: Task, key: str, at: datetime, run_after: datetime, args: dict[str, str]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "task": task.value,
        "key": key,
        "args": args,
        "caused_by": structlog.contextvars.get_contextvars().get("request_id"),
        "created_at": at,
        "run_after": run_after,
        "version": 1,
        "attempts": 0,
    }


def _mine(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (OutboxRow.id == lease.row_id, OutboxRow.leases == lease.number)


def _hand_over(row_id: uuid.UUID, task: Task) -> None:
    session().info.setdefault("outbox", []).append((row_id, task.nature.queue))
