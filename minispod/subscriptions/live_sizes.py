"""How many live instances there are of each size, read from notes instead of from all instances (adr/0056).

What is live is said by `states.LIVE`. The database adds a note in the transaction of each change, so that nobody waits
for anybody to write one. Here notes are added up, and when they are many, or in doubt, they are replaced by a count.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
)

from minispod.audit import trail
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import find, session, table_of
from minispod.kernel.questions import Question, one_of
from minispod.subscriptions.errors import NothingToRecount
from minispod.subscriptions.models import LiveSize, Subscription
from minispod.subscriptions.states import LIVE

log = structlog.get_logger()
MANY = 1_000
# Any number that no other advisory lock of this database uses; the migration 0033 takes it as well.
_ROOM_LOCK = 21_00_21
ROOM: ColumnElement[int] = literal_column(str(_ROOM_LOCK))
_instances, _subscriptions, _notes = (table_of(each).c for each in (Instance, Subscription, LiveSize))
_NOTE = (_notes.cpu_milli, _notes.memory_mb, _notes.instances)


@dataclass(frozen=True, slots=True)
class LiveSizes:
    """Millicores, megabytes and the number of live instances of each size; and from how many rows that was added up.

    What is left out is a row as well.
    """

    of_each: Sequence[tuple[int, int, int]]
    rows: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """A size in millicores and megabytes of which another number of live instances was noted than there was."""

    cpu_milli: int
    memory_mb: int
    noted: int
    counted: int


def _live(number: Any) -> Select[Any]:
    """The sizes of live instances, with a number each."""
    return (
        select(_instances.cpu_milli, _instances.memory_mb, number.label("instances"))
        .join_from(
            table_of(Instance), table_of(Subscription), _subscriptions.id == _instances.subscription_id
        )
        .where(one_of(_subscriptions.status, LIVE))
    )


def _added(notes: Any) -> Select[Any]:
    cpu, memory, instances = notes.subquery("notes").c
    sums = select(cpu, memory, func.sum(instances).label("instances"), func.count().label("rows"))
    return sums.group_by(cpu, memory)


_NOTES = select(*_NOTE)
SIZES = _added(_NOTES)
"""A row for each size, for a statement: millicores, megabytes, instances, and of how many rows they are the sum."""
OTHER_SIZES = _added(union_all(_NOTES, _live(literal(-1)).where(_subscriptions.id == bindparam("left_out"))))
"""The same without the instance of the subscription `left_out`."""
_SIZES = Question(SIZES)


def read() -> LiveSizes:
    """Add up the notes."""
    return of_rows(find(_SIZES, {}))


def of_rows(rows: Iterable[Sequence[int]]) -> LiveSizes:
    """What the rows of `SIZES` or `OTHER_SIZES` say."""
    found = list(rows)
    return LiveSizes([(row[0], row[1], row[2]) for row in found], sum(row[3] for row in found))


def take_turns() -> None:
    """Wait until nobody else counts or asks for room, and let nobody do so before this transaction ends.

    Who takes slots of plans as well takes them after it (adr/0005).
    """
    session().execute(select(func.pg_advisory_xact_lock(ROOM)))


def recount() -> Sequence[Wrong]:
    """Replace all notes by a count, under the lock of `take_turns`; say, and log, where they were wrong.

    It is one statement, which sees of every change either both, the change and its note, or neither.
    """
    take_turns()
    gone = delete(LiveSize).returning(*_NOTE).cte("gone")
    live = _live(cast(func.count(), Integer)).group_by(_instances.cpu_milli, _instances.memory_mb).cte("live")
    put = insert(LiveSize).from_select(_NOTE, select(live)).returning(LiveSize.number).cte("put")
    compared = union_all(
        select(*gone.c[:2], gone.c.instances.label("noted"), literal(0).label("counted")),
        select(*live.c[:2], literal(0), live.c.instances),
    ).subquery("compared")
    cpu, memory = compared.c[:2]
    noted, counted = func.sum(compared.c.noted), func.sum(compared.c.counted)
    wrong = select(cpu, memory, noted, counted).group_by(cpu, memory).having(noted != counted).add_cte(put)
    found = [Wrong(*row) for row in session().execute(wrong.order_by(cpu, memory))]
    for each in found:
        log.error("room.notes_were_wrong", **asdict(each))
    return found


def repair(_size: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Count anew for staff who saw one wrong size; all are put right. Refuses NothingToRecount."""
    found = recount()
    if not found:
        raise NothingToRecount("The notes agree with the live instances already.")
    trail.record(
        actor,
        trail.Action.ROOM_RECOUNTED,
        at=at,
        subject_kind="room",
        subject_id="sizes",
        changed={f"{each.cpu_milli}m CPU, {each.memory_mb} MB": [each.noted, each.counted] for each in found},
    )
