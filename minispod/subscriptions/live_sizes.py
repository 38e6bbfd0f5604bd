"""How many live instances there are of each size, read from notes instead of from all instances (adr/0055).

What is live is said by `states.LIVE`. The database adds a note in the transaction of each change, so that nobody waits
for anybody to write one. Here notes are added up, and when they are many they are replaced by a count.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Select, delete, func, insert, literal, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.subscriptions.models import LiveSize, Subscription
from minispod.subscriptions.states import LIVE

log = structlog.get_logger()
MANY = 1_000
_SIZE: tuple[InstrumentedAttribute[int], ...] = (LiveSize.cpu_milli, LiveSize.memory_mb)
_NOTE = (*_SIZE, LiveSize.instances)


@dataclass(frozen=True, slots=True)
class LiveSizes:
    """Millicores, megabytes and the number of live instances of each size; and from how many rows that was added up."""

    of_each: Sequence[tuple[int, int, int]]
    rows: int


def read(*, apart_from: uuid.UUID | None = None) -> LiveSizes:
    """Add up the notes, leaving out the instance of one subscription on wish."""
    noted: Any = select(*_NOTE)
    if apart_from is not None:
        noted = union_all(noted, _live(literal(-1)).where(Subscription.id == apart_from))
    cpu, memory, instances = noted.subquery("noted").c
    added = session().execute(select(cpu, memory, func.sum(instances), func.count()).group_by(cpu, memory))
    found = added.all()
    return LiveSizes([(each[0], each[1], each[2]) for each in found], sum(each[3] for each in found))


def recount() -> None:
    """Replace all notes by a count, and log where they were wrong; one at a time (the caller's lock).

    It is one statement, which sees of every change either both, the change and its note, or neither.
    """
    gone = delete(LiveSize).returning(*_NOTE).cte("gone")
    live = _live(func.count()).group_by(Instance.cpu_milli, Instance.memory_mb).cte("live")
    put = insert(LiveSize).from_select(_NOTE, select(live)).returning(LiveSize.number).cte("put")
    cpu, memory, count = live.c
    compared = union_all(select(gone), select(cpu, memory, -count)).subquery("compared")
    too_many = func.sum(compared.c.instances)
    size = (compared.c.cpu_milli, compared.c.memory_mb)
    wrong = select(*size, too_many).group_by(*size).having(too_many != 0).add_cte(put)
    for cpu_milli, memory_mb, by in session().execute(wrong):
        log.error("live_sizes_were_wrong", cpu_milli=cpu_milli, memory_mb=memory_mb, too_many=by)


def _live(number: Any) -> Select[Any]:
    """The sizes of live instances, with a number each."""
    return (
        select(Instance.cpu_milli, Instance.memory_mb, number.label("instances"))
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .where(Subscription.status.in_(LIVE))
    )
