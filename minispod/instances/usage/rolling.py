"""Make hours of samples and days of hours, and forget what is older than it is kept.

Each piece is computed whole from what lies below it and written over what was there: late, twice or interrupted,
the result is the same. Nothing is forgotten before it has become part of the next coarser piece. Hours and days are
those of the shop's time zone (docs/adr/0023).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from minispod.instances.usage.models import Grain, UsageProgress, UsageRollup, UsageSample
from minispod.kernel.database import run, session

# A sample is stamped when its reading began and written when it ended.
_LATENESS = timedelta(minutes=5)
# Both bound one transaction; whoever calls comes again until nothing is left.
_AT_ONCE = timedelta(hours=12)
FORGET_AT_ONCE = 50_000

_HOURS = text("""
    INSERT INTO usage_rollups
    SELECT instance_id, 'HOUR', date_trunc('hour', at, :zone) AS starts_at, count(*),
           min(cpu_milli), round(avg(cpu_milli)), max(cpu_milli),
           min(memory_mb), round(avg(memory_mb)), max(memory_mb),
           count(storage_mb), min(storage_mb), round(avg(storage_mb)), max(storage_mb)
    FROM usage_samples WHERE at >= :begin AND at < :end
    GROUP BY instance_id, starts_at
""")
_DAYS = text("""
    INSERT INTO usage_rollups
    SELECT instance_id, 'DAY', date_trunc('day', starts_at, :zone) AS day, sum(samples),
           min(cpu_min), round(sum(cpu_avg::bigint * samples) / sum(samples)), max(cpu_max),
           min(memory_min), round(sum(memory_avg::bigint * samples) / sum(samples)), max(memory_max),
           sum(storage_samples), min(storage_min),
           round(sum(storage_avg::bigint * storage_samples) / nullif(sum(storage_samples), 0)), max(storage_max)
    FROM usage_rollups WHERE grain = 'HOUR' AND starts_at >= :begin AND starts_at < :end
    GROUP BY instance_id, day
""")
_CLEAR = text("DELETE FROM usage_rollups WHERE grain = :grain AND starts_at >= :begin AND starts_at < :end")
_FORGET_SAMPLES = text("""
    DELETE FROM usage_samples WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM usage_samples WHERE at < :before LIMIT :most))
""")
_FORGET_ROLLUPS = text("""
    DELETE FROM usage_rollups WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM usage_rollups WHERE grain = :grain AND starts_at < :before LIMIT :most))
""")


@dataclass(frozen=True, slots=True)
class KeepRules:
    """How long usage is kept, and in whose days it is counted."""

    zone: ZoneInfo
    samples: timedelta
    hours: timedelta
    days: timedelta


def roll_up(rules: KeepRules, *, at: datetime) -> bool:
    """Bring hours and days up to the last whole one; True when there is more to do. Safe to run late or twice."""
    _begin(Grain.HOUR, func.min(UsageSample.at), rules.zone)
    hours = _lock(Grain.HOUR)
    if hours is None:
        return False
    goal = _floor(at - _LATENESS, Grain.HOUR, rules.zone)
    end = min(goal, hours.done_until + _AT_ONCE)
    _write(hours, _HOURS, end, rules.zone)
    _begin(Grain.DAY, func.min(UsageRollup.starts_at), rules.zone)
    days = _lock(Grain.DAY)
    if days is not None:
        _write(days, _DAYS, _floor(hours.done_until, Grain.DAY, rules.zone), rules.zone)
    return end < goal


def forget_samples(rules: KeepRules, *, at: datetime) -> bool:
    """Remove a bounded number of samples that are old and part of an hour; True when there may be more."""
    hours = session().get(UsageProgress, Grain.HOUR)
    if hours is None:
        return False
    return _forget(_FORGET_SAMPLES, before=min(at - rules.samples, hours.done_until))


def forget_rollups(rules: KeepRules, *, at: datetime) -> bool:
    """Remove a bounded number of old hours that are part of a day, and of old days; True when there may be more."""
    days = session().get(UsageProgress, Grain.DAY)
    if days is None:
        return False
    hours_before = min(at - rules.hours, days.done_until)
    more_hours = _forget(_FORGET_ROLLUPS, grain=Grain.HOUR.value, before=hours_before)
    return _forget(_FORGET_ROLLUPS, grain=Grain.DAY.value, before=at - rules.days) or more_hours


def _begin(grain: Grain, oldest: Any, zone: ZoneInfo) -> None:
    """Begin a grain at the oldest of what it is made of, unless it has begun; two that begin at once agree."""
    if session().get(UsageProgress, grain) is not None:
        return
    first = session().scalar(select(oldest))
    if first is not None:
        row = insert(UsageProgress).values(grain=grain, done_until=_floor(first, grain, zone))
        session().execute(row.on_conflict_do_nothing())


def _lock(grain: Grain) -> UsageProgress | None:
    """The progress of a grain; whoever rolls up at the same time waits for the other."""
    return session().get(UsageProgress, grain, with_for_update=True, populate_existing=True)


def _write(progress: UsageProgress, pieces: Any, end: datetime, zone: ZoneInfo) -> None:
    if end <= progress.done_until:
        return
    span = {"begin": progress.done_until, "end": end}
    run(_CLEAR, {**span, "grain": progress.grain.value})
    run(pieces, {**span, "zone": zone.key})
    progress.done_until = end


def _floor(at: datetime, grain: Grain, zone: ZoneInfo) -> datetime:
    floor: datetime = session().scalars(select(func.date_trunc(grain.value.lower(), at, zone.key))).one()
    return floor


def _forget(statement: Any, **values: Any) -> bool:
    return run(statement, {**values, "most": FORGET_AT_ONCE}).rowcount == FORGET_AT_ONCE
