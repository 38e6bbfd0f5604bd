"""The history of one instance's usage, as a fixed number of points: for the owner and for staff.

What has been rolled up is read as hours or days, what has not yet been as samples, so that the newest points are
there at once. A point in which nothing was measured has no figures: it is not zero.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from minispod.cluster.events import Words
from minispod.instances.queries import get_instance
from minispod.instances.usage.models import UsageProgress, UsageRollup, UsageSample
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain

NOT_MEASURED = Words(
    "The use of storage is not measured by this storage class.",
    "Pemakaian penyimpanan tidak diukur oleh kelas penyimpanan ini.",
)


class Range(StrEnum):
    """How far back a history goes."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "12m"


_SHAPES: dict[Range, tuple[Grain | None, int, timedelta]] = {
    Range.DAY: (None, 96, timedelta(minutes=15)),
    Range.WEEK: (Grain.HOUR, 84, timedelta(hours=2)),
    Range.MONTH: (Grain.HOUR, 120, timedelta(hours=6)),
    Range.YEAR: (Grain.DAY, 73, timedelta(days=5)),
}


_RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Measure:
    """The least, the average and the most of what was measured in a point."""

    least: int
    average: int
    most: int


@dataclass(frozen=True, slots=True)
class Point:
    """One point; CPU in millicores, memory and storage in megabytes; None: not measured."""

    starts_at: datetime
    cpu: Measure | None
    memory: Measure | None
    storage: Measure | None


@dataclass(frozen=True, slots=True)
class History:
    """The points of a range, oldest first, with what the plan gives."""

    range: Range
    step: timedelta
    points: Sequence[Point]
    cpu_limit: int
    memory_limit: int
    storage_limit: int

    @property
    def is_storage_measured(self) -> bool:
        """Tell whether storage was measured at all; some storage classes cannot say."""
        return any(point.storage is not None for point in self.points)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is known of a stretch of time: for each measure how often, least, average, most."""

    at: datetime
    cpu: tuple[int, int, int, int]
    memory: tuple[int, int, int, int]
    storage: tuple[int, int, int, int] | None


def get_history(instance_id: uuid.UUID, wanted: Range, *, actor: Actor, at: datetime) -> History:
    """The usage of an instance; raise NoSuchInstance when it is missing or not the actor's."""
    instance = get_instance(instance_id, actor=actor)
    grain, count, step = _SHAPES[wanted]
    since = at - count * step
    pieces = list(_samples(instance_id, _sampled_since(grain, since), at))
    if grain is not None:
        pieces += _rolled(instance_id, grain, since, at)
    boxes: list[list[_Piece]] = [[] for _ in range(count)]
    for piece in pieces:
        # A day that began a little before the first point is part of that point.
        boxes[min(count - 1, max(0, (piece.at - since) // step))].append(piece)
    points = [_point(since + number * step, box) for number, box in enumerate(boxes)]
    storage = instance.storage_gb * 1024
    return History(wanted, step, points, instance.cpu_milli, instance.memory_mb, storage)


def find_storage(instance_id: uuid.UUID, *, actor: Actor, at: datetime) -> int | None:
    """Megabytes used of the volume when it was last measured within the hour; None when it was not."""
    instance = get_instance(instance_id, actor=actor)
    newest = select(UsageSample.storage_mb).where(
        UsageSample.instance_id == instance.id,
        UsageSample.at >= at - _RECENT,
        UsageSample.storage_mb.is_not(None),
    )
    return session().scalar(newest.order_by(UsageSample.at.desc()).limit(1))


def _sampled_since(grain: Grain | None, since: datetime) -> datetime:
    if grain is None:
        return since
    progress = session().get(UsageProgress, grain)
    return max(since, progress.done_until) if progress else since


def _samples(instance_id: uuid.UUID, since: datetime, until: datetime) -> Iterable[_Piece]:
    wanted = select(UsageSample).where(
        UsageSample.instance_id == instance_id, UsageSample.at >= since, UsageSample.at <= until
    )
    for row in session().scalars(wanted):
        storage = None if row.storage_mb is None else _once(row.storage_mb)
        yield _Piece(row.at, _once(row.cpu_milli), _once(row.memory_mb), storage)


def _once(value: int) -> tuple[int, int, int, int]:
    return (1, value, value, value)


def _rolled(instance_id: uuid.UUID, grain: Grain, since: datetime, until: datetime) -> Iterable[_Piece]:
    length = timedelta(days=1) if grain is Grain.DAY else timedelta(hours=1)
    wanted = select(UsageRollup).where(
        UsageRollup.instance_id == instance_id,
        UsageRollup.grain == grain,
        UsageRollup.starts_at > since - length,
        UsageRollup.starts_at <= until,
    )
    for row in session().scalars(wanted):
        storage = None
        if row.storage_min is not None and row.storage_avg is not None and row.storage_max is not None:
            storage = (row.storage_samples, row.storage_min, row.storage_avg, row.storage_max)
        yield _Piece(
            row.starts_at,
            (row.samples, row.cpu_min, row.cpu_avg, row.cpu_max),
            (row.samples, row.memory_min, row.memory_avg, row.memory_max),
            storage,
        )


def _point(starts_at: datetime, box: Sequence[_Piece]) -> Point:
    storages = [piece.storage for piece in box if piece.storage is not None]
    return Point(
        starts_at,
        _joined([piece.cpu for piece in box]),
        _joined([piece.memory for piece in box]),
        _joined(storages),
    )


def _joined(pieces: Sequence[tuple[int, int, int, int]]) -> Measure | None:
    times = sum(piece[0] for piece in pieces)
    if not times:
        return None
    average = round(sum(piece[0] * piece[2] for piece in pieces) / times)
    return Measure(min(piece[1] for piece in pieces), average, max(piece[3] for piece in pieces))
