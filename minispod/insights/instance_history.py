"""What happened to one instance over a stretch of time, told once and in order, whatever book it stands in.

Acts are in the audit book, outages and times nobody looked in the books of uptime, restarts and operations in their
own. Four reads of this instance's rows, and one of the watches.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import or_, select

from minispod.audit.models import AuditEntry
from minispod.instances.restarts import RestartsSeen
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.kernel.database import session
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus

MOST = 200
"""So many lines of each book are told, the newest of them."""

# Operations are told from their own rows, with how they ended.
_TOLD_ELSEWHERE = ("operation.",)


class Kind(StrEnum):
    """Which book a line is from."""

    ACT = "act"
    AWAY = "away"
    RESTARTED = "restarted"
    OPERATION = "operation"


class Span(StrEnum):
    """How far back is looked."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def length(self) -> timedelta:
        """How long that is."""
        return {Span.DAY: timedelta(days=1), Span.WEEK: timedelta(days=7), Span.MONTH: timedelta(days=30)}[
            self
        ]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line: since when, until when (None: it goes on, or was a moment), and the row it is from."""

    at: datetime
    kind: Kind
    until: datetime | None = None
    goes_on: bool = False
    entry: AuditEntry | None = None
    operation: Operation | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """A piece of the axis, in shares of the span from 0 to 1: "up", "down", "unknown" or "operation"."""

    name: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class History:
    """The lines, newest first, and the bands of the axis."""

    moments: Sequence[Moment]
    standing: Sequence[Band]
    operations: Sequence[Band]


def history_of(instance_id: uuid.UUID, span: Span, at: datetime) -> History:
    """What happened to an instance in the span that ends at `at`; the caller has checked who asks."""
    since = at - span.length
    spans = _spans(instance_id, since)
    operations = _operations(instance_id, since)
    moments = [
        *_acts(instance_id, since),
        *(_away(each, since) for each in spans if each.standing is Standing.DOWN),
        *_restarts(instance_id, since),
        *(
            Moment(each.requested_at, Kind.OPERATION, each.ended_at, each.is_live, operation=each)
            for each in operations
        ),
    ]
    moments.sort(key=lambda each: each.at, reverse=True)
    watches = session().scalars(select(ClusterWatch).where(ClusterWatch.until > since)).all()
    seen = sorted((max(each.began_at, since), each.until) for each in watches)
    return History(
        moments,
        [
            *(_band(each.standing.value.lower(), each.began_at, each.ended_at, since, at) for each in spans),
            *(_band("unknown", begins, ends, since, at) for begins, ends in _gaps(seen, since, at)),
        ],
        [_band("operation", each.requested_at, each.ended_at, since, at) for each in operations],
    )


def _acts(instance_id: uuid.UUID, since: datetime) -> list[Moment]:
    wanted = (
        select(AuditEntry)
        .where(
            AuditEntry.subject_kind == "instance",
            AuditEntry.subject_id == str(instance_id),
            AuditEntry.at > since,
            *(AuditEntry.action.not_like(f"{each}%") for each in _TOLD_ELSEWHERE),
        )
        .order_by(AuditEntry.at.desc())
        .limit(MOST)
    )
    return [Moment(each.at, Kind.ACT, entry=each) for each in session().scalars(wanted)]


def _spans(instance_id: uuid.UUID, since: datetime) -> Sequence[AvailabilitySpan]:
    wanted = (
        select(AvailabilitySpan)
        .where(
            AvailabilitySpan.instance_id == instance_id,
            or_(AvailabilitySpan.ended_at.is_(None), AvailabilitySpan.ended_at > since),
        )
        .order_by(AvailabilitySpan.began_at.desc())
        .limit(MOST)
    )
    return session().scalars(wanted).all()


def _restarts(instance_id: uuid.UUID, since: datetime) -> list[Moment]:
    wanted = (
        select(RestartsSeen)
        .where(RestartsSeen.instance_id == instance_id, RestartsSeen.at > since)
        .order_by(RestartsSeen.at.desc())
        .limit(MOST)
    )
    return [Moment(each.at, Kind.RESTARTED, restarts=each.restarts) for each in session().scalars(wanted)]


def _operations(instance_id: uuid.UUID, since: datetime) -> Sequence[Operation]:
    live = Operation.status.in_((OperationStatus.PENDING, OperationStatus.RUNNING))
    wanted = (
        select(Operation)
        .where(Operation.instance_id == instance_id, or_(Operation.requested_at > since, live))
        .order_by(Operation.requested_at.desc())
        .limit(MOST)
    )
    return session().scalars(wanted).all()


def _away(span: AvailabilitySpan, since: datetime) -> Moment:
    return Moment(span.began_at, Kind.AWAY, span.ended_at, span.ended_at is None)


def _gaps(
    seen: Sequence[tuple[datetime, datetime]], since: datetime, at: datetime
) -> Sequence[tuple[datetime, datetime]]:
    """When nobody looked."""
    gaps, reached = [], since
    for begins, ends in seen:
        if begins > reached:
            gaps.append((reached, begins))
        reached = max(reached, ends)
    return [*gaps, (reached, at)] if reached < at else gaps


def _band(name: str, begins: datetime, ends: datetime | None, since: datetime, at: datetime) -> Band:
    whole = (at - since).total_seconds()
    first = max(0.0, (begins - since).total_seconds() / whole)
    last = min(1.0, ((ends or at) - since).total_seconds() / whole)
    return Band(name, first, max(first, last))
