"""Samples become hours and hours days; what is older than it is kept is forgotten. For every series there is.

Each piece is computed whole from what lies below it and written over what was there: late, twice or interrupted,
the result is the same. Nothing is forgotten before it has become part of the next coarser piece. Hours and days are
those of the shop's time zone (docs/adr/0023).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Executable, func, select, text
from sqlalchemy.dialects.postgresql import insert

from minispod.kernel.database import run, session

# A sample is stamped when its reading began and written when it ended.
_LATENESS = timedelta(minutes=5)
# Both bound one transaction; whoever calls comes again until nothing is left.
_AT_ONCE = timedelta(hours=12)
FORGET_AT_ONCE = 50_000


class Grain(StrEnum):
    """How long a piece of the history is."""

    HOUR = "HOUR"
    DAY = "DAY"


@dataclass(frozen=True, slots=True)
class KeepRules:
    """How long a series is kept, and in whose days it is counted."""

    zone: ZoneInfo
    samples: timedelta
    hours: timedelta
    days: timedelta


@dataclass(frozen=True, slots=True)
class Series:
    """One thing that is sampled: its tables, and the statements that make pieces of it.

    `hours` and `days` insert the pieces that begin from `:begin` on and before `:end`, in the time zone `:zone`.
    `progress` has one row per grain with `done_until`. Both tables have their time indexed: the samples' is called
    `at`, the pieces' `starts_at` beside `grain`.
    """

    samples: Any
    pieces: Any
    progress: Any
    hours: Executable
    days: Executable
    # Samples that something else still reads, whatever their age; a condition in SQL.
    spared: str = "FALSE"

    def roll_up(self, rules: KeepRules, *, at: datetime) -> bool:
        """Bring hours and days up to the last whole one; True when there is more to do. Safe to run late or twice."""
        self._begin(Grain.HOUR, func.min(self.samples.at), rules.zone)
        hours = self._lock(Grain.HOUR)
        if hours is None:
            return False
        goal = _floor(at - _LATENESS, Grain.HOUR, rules.zone)
        end = min(goal, hours.done_until + _AT_ONCE)
        self._write(hours, self.hours, end, rules.zone)
        self._begin(Grain.DAY, func.min(self.pieces.starts_at), rules.zone)
        days = self._lock(Grain.DAY)
        if days is not None:
            self._write(days, self.days, _floor(hours.done_until, Grain.DAY, rules.zone), rules.zone)
        return bool(end < goal)

    def forget_samples(self, rules: KeepRules, *, at: datetime) -> bool:
        """Remove a bounded number of samples that are old and part of an hour; True when there may be more."""
        hours = session().get(self.progress, Grain.HOUR)
        if hours is None:
            return False
        before = min(at - rules.samples, hours.done_until)
        return _forget(self.samples.__tablename__, f"at < :before AND NOT ({self.spared})", before=before)

    def forget_rollups(self, rules: KeepRules, *, at: datetime) -> bool:
        """Remove a bounded number of old hours that are part of a day, and of old days; True: there may be more."""
        days = session().get(self.progress, Grain.DAY)
        if days is None:
            return False
        table, which = self.pieces.__tablename__, "grain = :grain AND starts_at < :before"
        hours_before = min(at - rules.hours, days.done_until)
        more_hours = _forget(table, which, grain=Grain.HOUR.value, before=hours_before)
        return _forget(table, which, grain=Grain.DAY.value, before=at - rules.days) or more_hours

    def _begin(self, grain: Grain, oldest: Any, zone: ZoneInfo) -> None:
        """Begin a grain at the oldest of what it is made of, unless it has begun; two that begin at once agree."""
        if session().get(self.progress, grain) is not None:
            return
        first = session().scalar(select(oldest))
        if first is not None:
            row = insert(self.progress).values(grain=grain, done_until=_floor(first, grain, zone))
            session().execute(row.on_conflict_do_nothing())

    def _lock(self, grain: Grain) -> Any:
        """The progress of a grain; whoever rolls up at the same time waits for the other."""
        return session().get(self.progress, grain, with_for_update=True, populate_existing=True)

    def _write(self, progress: Any, pieces: Executable, end: datetime, zone: ZoneInfo) -> None:
        if end <= progress.done_until:
            return
        span = {"begin": progress.done_until, "end": end}
        clear = f"DELETE FROM {self.pieces.__tablename__}"  # noqa: S608 - the name of a model's table
        which = " WHERE grain = :grain AND starts_at >= :begin AND starts_at < :end"
        run(text(clear + which), {**span, "grain": progress.grain.value})
        run(pieces, {**span, "zone": zone.key})
        progress.done_until = end


def _floor(at: datetime, grain: Grain, zone: ZoneInfo) -> datetime:
    floor: datetime = session().scalars(select(func.date_trunc(grain.value.lower(), at, zone.key))).one()
    return floor


def _forget(table: str, which: str, **values: Any) -> bool:
    oldest = f"SELECT ctid FROM {table} WHERE {which} LIMIT :most"  # noqa: S608 - names of ours
    statement = text(f"DELETE FROM {table} WHERE ctid = ANY (ARRAY({oldest}))")  # noqa: S608 - the same
    return run(statement, {**values, "most": FORGET_AT_ONCE}).rowcount == FORGET_AT_ONCE
