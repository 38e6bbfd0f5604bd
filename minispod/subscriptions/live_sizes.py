"""How many live instances there are of each size, read from notes instead of from all instances (adr/0055).

What is live is said by `states.LIVE`. The database adds a note in the transaction of each change, so that nobody waits
for anybody to write one. Here notes are added up, and when they are many they are replaced by a count.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Select, bindparam, delete, func, insert, literal, select, union_all

from minispod.instances.models import Instance
from minispod.kernel.database import find, session, table_of
from minispod.kernel.questions import Question, one_of
from minispod.subscriptions.models import LiveSize, Subscription
from minispod.subscriptions.states import LIVE

log = structlog.get_logger()
MANY = 1_000
_instances, _subscriptions, _notes = (table_of(each).c for each in (Instance, Subscription, LiveSize))
_NOTE = (_notes.cpu_milli, _notes.memory_mb, _notes.instances)


@dataclass(frozen=True, slots=True)
class LiveSizes:
    """Millicores, megabytes and the number of live instances of each size; and from how many rows that was added up."""

    of_each: Sequence[tuple[int, int, int]]
    rows: int


def _live(number: Any) -> Select[Any]:
    """The sizes of live instances, with a number each."""
    return (
        select(_instances.cpu_milli, _instances.memory_mb, number.label("instances"))
        .join_from(
            table_of(Instance), table_of(Subscription), _subscriptions.id == _instances.subscription_id
        )
        .where(one_of(_subscriptions.status, LIVE))
    )


def _added(notes: Any) -> Question:
    cpu, memory, instances = notes.subquery("notes").c
    sums = select(cpu, memory, func.sum(instances).label("instances"), func.count().label("rows"))
    return Question(sums.group_by(cpu, memory))


_NOTES = select(*_NOTE)
_SIZES = _added(_NOTES)
_OTHER_SIZES = _added(union_all(_NOTES, _live(literal(-1)).where(_subscriptions.id == bindparam("left_out"))))


def read(*, apart_from: uuid.UUID | None = None) -> LiveSizes:
    """Add up the notes, leaving out the instance of one subscription on wish."""
    found = find(_SIZES, {}) if apart_from is None else find(_OTHER_SIZES, {"left_out": apart_from})
    return LiveSizes([(row[0], row[1], row[2]) for row in found], sum(row[3] for row in found))


def recount() -> None:
    """Replace all notes by a count, and log where they were wrong; one at a time (the caller's lock).

    It is one statement, which sees of every change either both, the change and its note, or neither.
    """
    gone = delete(LiveSize).returning(*_NOTE).cte("gone")
    live = _live(func.count()).group_by(_instances.cpu_milli, _instances.memory_mb).cte("live")
    put = insert(LiveSize).from_select(_NOTE, select(live)).returning(LiveSize.number).cte("put")
    cpu, memory, count = live.c
    compared = union_all(select(gone), select(cpu, memory, -count)).subquery("compared")
    too_many = func.sum(compared.c.instances)
    size = (compared.c.cpu_milli, compared.c.memory_mb)
    wrong = select(*size, too_many).group_by(*size).having(too_many != 0).add_cte(put)
    for cpu_milli, memory_mb, by in session().execute(wrong):
        log.error("live_sizes_were_wrong", cpu_milli=cpu_milli, memory_mb=memory_mb, too_many=by)
