"""The history of nodes as a series: readings, the hours and days made of them, and what is drawn of these.

What has been rolled up is read as hours or days, what has not yet as readings, so that the newest are there at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, text

from minispod.cluster.models import NodeProgress, NodeReading, NodeRollup
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain, Series

_HOURS = text("""
    INSERT INTO node_rollups
    SELECT name, 'HOUR', date_trunc('hour', at, :zone) AS starts_at, count(*), count(*) FILTER (WHERE is_ready),
           max(cpu_allocatable), max(memory_allocatable),
           round(avg(cpu_requested)), max(cpu_requested), round(avg(memory_requested)), max(memory_requested),
           count(cpu_used), round(avg(cpu_used)), max(cpu_used), round(avg(memory_used)), max(memory_used)
    FROM node_readings WHERE at >= :begin AND at < :end
    GROUP BY name, starts_at
""")
_DAYS = text("""
    INSERT INTO node_rollups
    SELECT name, 'DAY', date_trunc('day', starts_at, :zone) AS day, sum(samples), sum(ready_samples),
           max(cpu_allocatable), max(memory_allocatable),
           round(sum(cpu_requested_avg::bigint * samples) / sum(samples)), max(cpu_requested_max),
           round(sum(memory_requested_avg::bigint * samples) / sum(samples)), max(memory_requested_max),
           sum(used_samples),
           round(sum(cpu_used_avg::bigint * used_samples) / nullif(sum(used_samples), 0)), max(cpu_used_max),
           round(sum(memory_used_avg::bigint * used_samples) / nullif(sum(used_samples), 0)), max(memory_used_max)
    FROM node_rollups WHERE grain = 'HOUR' AND starts_at >= :begin AND starts_at < :end
    GROUP BY name, day
""")

NODES = Series(
    NodeReading,
    NodeRollup,
    NodeProgress,
    _HOURS,
    _DAYS,
    # The last picture, however old it is while the cluster is silent.
    spared="at = (SELECT answered_at FROM cluster_state WHERE answered_at IS NOT NULL)",
)
_MOST = 5000


class Span(StrEnum):
    """How far back a history goes."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "12m"


_SHAPES: dict[Span, tuple[Grain | None, timedelta]] = {
    Span.DAY: (None, timedelta(days=1)),
    Span.WEEK: (Grain.HOUR, timedelta(days=7)),
    Span.MONTH: (Grain.HOUR, timedelta(days=30)),
    Span.YEAR: (Grain.DAY, timedelta(days=365)),
}


@dataclass(frozen=True, slots=True)
class NodePoint:
    """A node at one moment, or on the average of an hour or day; None: use was not measured."""

    at: datetime
    cpu_allocatable: int
    cpu_requested: int
    cpu_used: int | None
    memory_allocatable: int
    memory_requested: int
    memory_used: int | None


def length_of(span: Span) -> timedelta:
    """How long a span is."""
    return _SHAPES[span][1]


def node_history(name: str, span: Span, at: datetime) -> Sequence[NodePoint]:
    """The points of one node, oldest first."""
    grain, length = _SHAPES[span]
    since = at - length
    if grain is None:
        return _readings(name, since)
    progress = session().get(NodeProgress, grain)
    rolled = _rolled(name, grain, since)
    return [*rolled, *_readings(name, max(since, progress.done_until) if progress else since)]


def _readings(name: str, since: datetime) -> list[NodePoint]:
    newest = select(NodeReading).where(NodeReading.name == name, NodeReading.at >= since)
    rows = session().scalars(newest.order_by(NodeReading.at.desc()).limit(_MOST)).all()
    return [
        NodePoint(
            row.at,
            row.cpu_allocatable,
            row.cpu_requested,
            row.cpu_used,
            row.memory_allocatable,
            row.memory_requested,
            row.memory_used,
        )
        for row in reversed(rows)
    ]


def _rolled(name: str, grain: Grain, since: datetime) -> list[NodePoint]:
    wanted = select(NodeRollup).where(
        NodeRollup.name == name, NodeRollup.grain == grain, NodeRollup.starts_at >= since
    )
    return [
        NodePoint(
            row.starts_at,
            row.cpu_allocatable,
            row.cpu_requested_avg,
            row.cpu_used_avg,
            row.memory_allocatable,
            row.memory_requested_avg,
            row.memory_used_avg,
        )
        for row in session().scalars(wanted.order_by(NodeRollup.starts_at))
    ]
