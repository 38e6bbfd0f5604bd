"""How well the shop keeps its promises, from what was recorded, over the last days. Reads only.

Each figure comes with the number of cases it is made of, and is None where there is none. What each means is
said where it is read; `standing` judges it against its target. Days are days of the billing time zone.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Subquery,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.orm import aliased

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.cluster.models import NodeReading
from minispod.insights.spans import Span
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.kernel.actor import ActorKind
from minispod.kernel.database import session
from minispod.subscriptions.models import Period, Subscription
from minispod.tickets.models import Ticket
from minispod.tickets.states import TicketPriority, TicketStatus

ACCESS_TARGET = timedelta(minutes=5)
RECOVERY_TARGET = timedelta(minutes=4)
RENEWAL_TARGET = 80
UNTOUCHED_TARGET = 95
UTILISATION_TARGET = (70, 80)
_WORST = 10


@dataclass(frozen=True, slots=True)
class Orders:
    """New orders: how many ran, and how soon; how many wait, and how many ended without ever running.

    `untouched` ran without an act of staff on subscription or instance before that, as the audit book has it.
    """

    placed: int
    ran: int
    waiting: int
    never_ran: int
    median: timedelta | None
    p95: timedelta | None
    untouched: int

    @property
    def untouched_percent(self) -> float | None:
        """Of the orders that ran, the share no hand had touched."""
        return _percent(self.untouched, self.ran)


@dataclass(frozen=True, slots=True)
class Uptime:
    """One instance, or all of them: seconds up and down while meant to run and looked at."""

    up: float
    down: float
    instance_id: uuid.UUID | None = None
    name: str | None = None
    owner_id: uuid.UUID | None = None
    owner: str | None = None

    @property
    def percent(self) -> float | None:
        """Share of the known time in which it was up, cut to two decimals."""
        known = self.up + self.down
        return int(self.up * 10_000 / known) / 100 if known else None

    @property
    def down_for(self) -> timedelta:
        """How long it was down."""
        return timedelta(seconds=round(self.down))


@dataclass(frozen=True, slots=True)
class Uptimes:
    """All instances together, how many there are, how many are below the target, and the worst of them."""

    all: Uptime
    instances: int
    below: int
    worst: Sequence[Uptime]


@dataclass(frozen=True, slots=True)
class Recoveries:
    """Failures of instances that should run: how many were over within the span, and how long they took."""

    recovered: int
    median: timedelta | None
    p95: timedelta | None
    longest: timedelta | None
    down_now: int


@dataclass(frozen=True, slots=True)
class Renewals:
    """Paid months that ran out: how many were followed by the next; `undecided` are in payment grace."""

    ran_out: int
    renewed: int
    undecided: int

    @property
    def percent(self) -> float | None:
        """Of those that are decided, the share that renewed."""
        return _percent(self.renewed, self.ran_out - self.undecided)


@dataclass(frozen=True, slots=True)
class Answers:
    """First answers to tickets of one priority (by what it is now)."""

    priority: TicketPriority
    opened: int
    answered: int
    in_time: int
    overdue: int
    median: timedelta | None
    p95: timedelta | None

    @property
    def target(self) -> timedelta:
        """Within which an answer is due."""
        return self.priority.answer_within


@dataclass(frozen=True, slots=True)
class Utilisation:
    """The workers in shares (per cent) of what they can give, one look an hour; None where no metrics were."""

    looks: int
    cpu_requested: float | None
    cpu_used: float | None
    memory_requested: float | None
    memory_used: float | None


def orders(span: Span, *, at: datetime) -> Orders:
    """The orders that were placed in the span."""
    ran = Instance.first_ran_at.is_not(None)
    took = extract("epoch", Instance.first_ran_at - Subscription.created_at)
    gone = Instance.status == InstanceStatus.TERMINATED
    touched = (
        select(literal(1))
        .where(
            AuditEntry.actor_kind == ActorKind.STAFF.value,
            or_(
                and_(
                    AuditEntry.subject_kind == "subscription",
                    AuditEntry.subject_id == cast(Subscription.id, String),
                ),
                and_(
                    AuditEntry.subject_kind == "instance", AuditEntry.subject_id == cast(Instance.id, String)
                ),
            ),
            AuditEntry.at <= Instance.first_ran_at,
        )
        .exists()
    )
    row = (
        session()
        .execute(
            select(
                func.count(),
                func.count().filter(ran),
                func.count().filter(~ran, ~gone),
                func.count().filter(~ran, gone),
                func.percentile_cont(0.5).within_group(took).filter(ran),
                func.percentile_cont(0.95).within_group(took).filter(ran),
                func.count().filter(ran, ~touched),
            )
            .select_from(Subscription)
            .join(Instance, Instance.subscription_id == Subscription.id)
            .where(Subscription.created_at >= span.since, Subscription.created_at <= at)
        )
        .one()
    )
    placed, began, waiting, never, median, p95, untouched = row
    return Orders(placed, began, waiting, never, _length(median), _length(p95), untouched)


def uptimes(span: Span, *, target: float, at: datetime) -> Uptimes:
    """Instances that were meant to run within the span; what nobody saw counts for neither side."""
    each = _seconds_of_each(span.since, at)
    share = each.c.up / func.nullif(each.c.up + each.c.down, 0)
    up, down, instances, below = (
        session()
        .execute(
            select(
                func.coalesce(func.sum(each.c.up), 0),
                func.coalesce(func.sum(each.c.down), 0),
                func.count(),
                func.count().filter(share * 100 < target),
            )
        )
        .one()
    )
    worst = session().execute(
        select(each.c.up, each.c.down, Instance.id, Instance.name, User.id, User.name)
        .join(Instance, Instance.id == each.c.instance_id)
        .join(User, User.id == Instance.user_id)
        .where(each.c.down > 0)
        .order_by(share, each.c.down.desc(), Instance.id)
        .limit(_WORST)
    )
    return Uptimes(
        Uptime(float(up), float(down)),
        int(instances),
        int(below),
        [Uptime(float(row[0]), float(row[1]), *row[2:]) for row in worst],
    )


def recoveries(span: Span, *, at: datetime) -> Recoveries:
    """Failures that were over within the span: being up came right after being down."""
    after = aliased(AvailabilitySpan)
    took = extract("epoch", AvailabilitySpan.ended_at - AvailabilitySpan.began_at)
    row = (
        session()
        .execute(
            select(
                func.count(),
                func.percentile_cont(0.5).within_group(took),
                func.percentile_cont(0.95).within_group(took),
                func.max(took),
                select(func.count())
                .select_from(AvailabilitySpan)
                .where(AvailabilitySpan.standing == Standing.DOWN, AvailabilitySpan.ended_at.is_(None))
                .scalar_subquery(),
            )
            .join(
                after,
                and_(
                    after.instance_id == AvailabilitySpan.instance_id,
                    after.began_at == AvailabilitySpan.ended_at,
                    after.standing == Standing.UP,
                ),
            )
            .where(
                AvailabilitySpan.standing == Standing.DOWN,
                AvailabilitySpan.ended_at >= span.since,
                AvailabilitySpan.ended_at <= at,
            )
        )
        .one()
    )
    return Recoveries(int(row[0]), _length(row[1]), _length(row[2]), _length(row[3]), int(row[4]))


def renewals(span: Span, *, at: datetime) -> Renewals:
    """Paid months whose last day lay in the span, those included that their owners ended before it."""
    following = aliased(Period)
    waits = and_(
        Subscription.grace_until.is_not(None),
        Subscription.period_number == Period.number,
        Subscription.ended_at.is_(None),
    )
    # What went back whole as it ended was never sold.
    was_sold = or_(
        Period.refunded < Period.charged,
        Subscription.ended_at.is_(None),
        Subscription.ended_at >= Period.ends_at,
    )
    row = (
        session()
        .execute(
            select(
                func.count(),
                func.count().filter(following.id.is_not(None)),
                func.count().filter(following.id.is_(None), waits),
            )
            .select_from(Period)
            .join(Subscription, Subscription.id == Period.subscription_id)
            .outerjoin(
                following,
                and_(
                    following.subscription_id == Period.subscription_id,
                    following.number == Period.number + 1,
                    following.starts_at == Period.ends_at,
                    following.ends_at > span.since,  # follows from the rest, and saves reading all of them
                ),
            )
            .where(Period.charged > 0, Period.ends_at >= span.since, Period.ends_at <= at, was_sold)
        )
        .one()
    )
    return Renewals(*map(int, row))


def answers(span: Span, *, at: datetime) -> list[Answers]:
    """First answers to the tickets that were opened in the span, the most urgent first; every priority is there."""
    took = extract("epoch", Ticket.first_answered_at - Ticket.created_at)
    answered = Ticket.first_answered_at.is_not(None)
    waits = and_(~answered, Ticket.status != TicketStatus.CLOSED, Ticket.answer_due_at < at)
    rows = session().execute(
        select(
            Ticket.priority,
            func.count(),
            func.count().filter(answered),
            func.count().filter(answered, Ticket.first_answered_at <= Ticket.answer_due_at),
            func.count().filter(waits),
            func.percentile_cont(0.5).within_group(took).filter(answered),
            func.percentile_cont(0.95).within_group(took).filter(answered),
        )
        .where(Ticket.created_at >= span.since, Ticket.created_at <= at)
        .group_by(Ticket.priority)
    )
    found = {
        priority: Answers(
            priority, int(opened), int(replied), int(in_time), int(overdue), _length(median), _length(p95)
        )
        for priority, opened, replied, in_time, overdue, median, p95 in rows
    }
    return [found.get(each, Answers(each, 0, 0, 0, 0, None, None)) for each in reversed(TicketPriority)]


def utilisation(span: Span, *, at: datetime) -> Utilisation:
    """What workers gave, of what they could, averaged over one look an hour (as far back as readings are kept)."""
    hour = text("interval '1 hour'")
    hours = func.generate_series(span.since, at, hour).table_valued("begin", name="hour").render_derived()
    look = (
        select(NodeReading.at)
        .where(NodeReading.at >= hours.c.begin, NodeReading.at < hours.c.begin + hour)
        .order_by(NodeReading.at)
        .limit(1)
        .scalar_subquery()
    )
    looks = select(look.label("at")).select_from(hours).cte("looks")
    # As `capacity.workers_of`: where every node is both, all of them are workers.
    has_workers = func.bool_or(~NodeReading.is_control_plane).over(partition_by=NodeReading.at)
    read = (
        select(NodeReading, has_workers.label("has_workers"))
        .join(looks, looks.c.at == NodeReading.at)
        .subquery("read")
    )
    worker = and_(read.c.is_schedulable, or_(~read.c.is_control_plane, ~read.c.has_workers))

    def share(what: str, measure: str) -> ColumnElement[Any]:
        part, whole = read.c[f"{what}_{measure}"], read.c[f"{what}_allocatable"]
        known = case((part.is_not(None), whole))
        return 100.0 * func.sum(part) / func.nullif(func.sum(known), 0)

    shares = (share(what, measure) for what in ("cpu", "memory") for measure in ("requested", "used"))
    row = session().execute(select(func.count(read.c.at.distinct()), *shares).where(worker)).one()
    return Utilisation(int(row[0]), *(None if each is None else round(float(each), 1) for each in row[1:]))


def _seconds_of_each(since: datetime, until: datetime) -> Subquery:
    """Seconds up and down of each instance within the watches (as `uptime.reckoning` counts them)."""
    span, watch = AvailabilitySpan, ClusterWatch
    begin = func.greatest(span.began_at, watch.began_at, since)
    end = func.least(span.ended_at, watch.until, until)
    seconds = extract("epoch", end - begin)
    return (
        select(
            span.instance_id,
            func.coalesce(func.sum(seconds).filter(span.standing == Standing.UP), 0).label("up"),
            func.coalesce(func.sum(seconds).filter(span.standing == Standing.DOWN), 0).label("down"),
        )
        .join(
            watch,
            and_(watch.until > span.began_at, or_(span.ended_at.is_(None), watch.began_at < span.ended_at)),
        )
        .where(
            or_(span.ended_at.is_(None), span.ended_at > since),
            span.began_at < until,
            watch.until > since,
            end > begin,
        )
        .group_by(span.instance_id)
        .subquery("seconds")
    )


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _length(seconds: Any) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=round(float(seconds)))
