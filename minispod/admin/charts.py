"""What charts show, as data: a macro puts it into the page, static/js/charts.js draws it (ADR 0048). Pure.

Nothing here knows of points or colours. A value of None is a gap: nothing was read then, which is not zero.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from minispod.cluster.history import NodePoint
from minispod.instances.usage.history import History, Measure

_BOXES = 96


class Unit(StrEnum):
    """What values are in."""

    PERCENT = "percent"
    RUPIAH = "rupiah"


class Grain(StrEnum):
    """What one point stands for: a moment, or a day or month of the business."""

    MOMENT = "moment"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one line, or of one colour in all columns; `key` is its class in the style sheet."""

    key: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over common points, oldest first; `zone` is where moments are told, `ends` are both ends of their axis."""

    unit: Unit
    grain: Grain
    points: Sequence[date]
    series: Sequence[Series]
    zone: str = "UTC"
    ends: tuple[datetime, datetime] | None = None

    def as_data(self) -> dict[str, Any]:
        """The chart as JSON tells it: moments in seconds since 1970, days as their date."""
        return {
            "unit": self.unit,
            "grain": self.grain,
            "zone": self.zone,
            "ends": self.ends and [_seconds(each) for each in self.ends],
            "points": [
                _seconds(each) if isinstance(each, datetime) else each.isoformat() for each in self.points
            ],
            "series": [{"key": each.key, "values": list(each.values)} for each in self.series],
        }

    def rows(self) -> Iterator[tuple[date, Sequence[float | None]]]:
        """The points of which something is known, the newest first, with the value of each series."""
        for point, *values in reversed(
            list(zip(self.points, *(each.values for each in self.series), strict=True))
        ):
            if any(value is not None for value in values):
                yield point, values


def node_lines(
    readings: Sequence[NodePoint], what: str, *, since: datetime, until: datetime, zone: ZoneInfo
) -> Chart:
    """Requested and used `what` ("cpu" or "memory") of a node in per cent of what it can give: averages of 96 parts."""
    step = (until - since) / _BOXES
    boxes: list[list[NodePoint]] = [[] for _ in range(_BOXES)]
    for each in readings:
        # A day that began a little before the span is part of its first part.
        boxes[min(_BOXES - 1, max(0, (each.at - since) // step))].append(each)
    series = [
        Series(name, [_average(_share(each, what, name) for each in box) for box in boxes])
        for name in ("requested", "used")
    ]
    points = [since + number * step for number in range(_BOXES)]
    return Chart(Unit.PERCENT, Grain.MOMENT, points, series, zone.key, (since, until))


def usage_lines(history: History, what: str, *, zone: ZoneInfo) -> Chart | None:
    """Most and average of `what` ("cpu", "memory" or "storage") in per cent of the plan; None when nothing is known."""
    limit: int = getattr(history, f"{what}_limit")
    found: list[Measure | None] = [getattr(point, what) for point in history.points]
    if not limit or not any(found):
        return None

    def shares(figure: Callable[[Measure], int]) -> list[float | None]:
        return [None if each is None else round(figure(each) / limit * 100, 1) for each in found]

    series = [
        Series("requested", shares(lambda each: each.most)),
        Series("used", shares(lambda each: each.average)),
    ]
    points = [point.starts_at for point in history.points]
    ends = (points[0], points[-1] + history.step)
    return Chart(Unit.PERCENT, Grain.MOMENT, points, series, zone.key, ends)


def _share(reading: NodePoint, what: str, name: str) -> float | None:
    whole: int = getattr(reading, f"{what}_allocatable")
    part: int | None = getattr(reading, f"{what}_{name}")
    return None if part is None or not whole else part / whole * 100


def _average(shares: Iterable[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return round(sum(known) / len(known), 1) if known else None


def _seconds(at: datetime) -> int:
    return round(at.timestamp())
