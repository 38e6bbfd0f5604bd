"""Uptime by month, from what was recorded: up / (up + down), the unknown apart (docs/adr/0023)."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from minispod.instances.queries import get_instance
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.kernel.actor import Actor
from minispod.kernel.database import session

MONTHS = 13


@dataclass(frozen=True, slots=True)
class UptimeRules:
    """Whose months are counted, how long a pause between two looks may be, and what is promised, in per cent."""

    zone: ZoneInfo
    tolerance: timedelta
    target: float


class Span(NamedTuple):
    """A stretch of time; `is_up` None means that nothing but the time is said."""

    began_at: datetime
    ended_at: datetime
    is_up: bool | None = None


@dataclass(frozen=True, slots=True)
class MonthOfUptime:
    """One month of one instance, in seconds of the time in which it was meant to run."""

    month: date
    up: int
    down: int
    unknown: int

    @property
    def percent(self) -> float | None:
        """Share of the known time in which it was up, cut (not rounded) to two decimals; None when nothing is known."""
        known = self.up + self.down
        return self.up * 10_000 // known / 100 if known else None


def get_uptime(
    instance_id: uuid.UUID, *, rules: UptimeRules, actor: Actor, at: datetime
) -> Sequence[MonthOfUptime]:
    """The months of an instance since it first ran, newest first, 13 at most; raise NoSuchInstance."""
    instance = get_instance(instance_id, actor=actor)
    if instance.first_ran_at is None:
        return []
    first = _month_of(instance.first_ran_at, rules.zone)
    months = _months_back(_month_of(at, rules.zone), first)
    since = _begin_of(months[-1], rules.zone)
    watches = _watches(since)
    # What came after the last look is not judged before the next one, unless that is overdue.
    last = watches[-1].ended_at if watches else at
    now = last if timedelta(0) <= at - last <= rules.tolerance else at
    spans = _spans(instance_id, since, now)
    return [
        _reckon_month(month, spans, watches, min(now, _begin_of(_next_month(month), rules.zone)), rules.zone)
        for month in months
    ]


def _reckon_month(
    month: date, spans: Sequence[Span], watches: Sequence[Span], until: datetime, zone: ZoneInfo
) -> MonthOfUptime:
    up, down, unknown = reckon(spans, watches, _begin_of(month, zone), until)
    return MonthOfUptime(month, round(up), round(down), round(unknown))


def reckon(
    spans: Iterable[Span], watches: Sequence[Span], since: datetime, until: datetime
) -> tuple[float, float, float]:
    """Seconds up, down and unknown within [since, until); spans do not overlap one another, nor do watches."""
    up = down = unknown = 0.0
    for span in spans:
        begin, end = max(span.began_at, since), min(span.ended_at, until)
        if end <= begin:
            continue
        seen = sum(_overlap(watch, begin, end) for watch in watches)
        unknown += (end - begin).total_seconds() - seen
        if span.is_up:
            up += seen
        else:
            down += seen
    return up, down, unknown


def _overlap(watch: Span, begin: datetime, end: datetime) -> float:
    return max(0.0, (min(watch.ended_at, end) - max(watch.began_at, begin)).total_seconds())


def _spans(instance_id: uuid.UUID, since: datetime, now: datetime) -> list[Span]:
    wanted = select(AvailabilitySpan).where(
        AvailabilitySpan.instance_id == instance_id,
        or_(AvailabilitySpan.ended_at.is_(None), AvailabilitySpan.ended_at > since),
    )
    rows = session().scalars(wanted.execution_options(populate_existing=True))
    return [Span(row.began_at, row.ended_at or now, row.standing is Standing.UP) for row in rows]


def _watches(since: datetime) -> list[Span]:
    wanted = select(ClusterWatch).where(ClusterWatch.until >= since).order_by(ClusterWatch.began_at)
    rows = session().scalars(wanted.execution_options(populate_existing=True))
    return [Span(row.began_at, row.until) for row in rows]


def _month_of(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date().replace(day=1)


def _begin_of(month: date, zone: ZoneInfo) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=zone).astimezone(UTC)


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _months_back(newest: date, first: date) -> list[date]:
    months = [newest]
    while months[-1] > first and len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months
