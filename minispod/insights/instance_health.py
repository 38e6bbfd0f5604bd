"""How healthy the instances are: counted from what was last seen of each, and from what they used.

Only what is written down: a silent cluster changes no answer here but the age of what it says. What is gone does not
count. Each question is a constant number of statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.insights.fleet import Sold
from minispod.instances.models import Instance
from minispod.instances.states import HEALTHY, InstanceStatus
from minispod.instances.usage.models import UsageRollup, UsageSample
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain
from minispod.subscriptions.models import Subscription

RECENT = timedelta(minutes=5)
_LIVES = Instance.status != InstanceStatus.TERMINATED
_WATCHED = (InstanceStatus.RUNNING, InstanceStatus.PROVISIONING)


class TimeRange(StrEnum):
    """How far back."""

    HOUR = "1h"
    SIX_HOURS = "6h"
    DAY = "24h"
    WEEK = "7d"

    @property
    def length(self) -> timedelta:
        """So long."""
        return _LENGTHS[self]


_LENGTHS = {
    TimeRange.HOUR: timedelta(hours=1),
    TimeRange.SIX_HOURS: timedelta(hours=6),
    TimeRange.DAY: timedelta(hours=24),
    TimeRange.WEEK: timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """All instances by state, and those that were looked at lately."""

    by_status: dict[str, int]
    looked_at: int
    healthy: int

    @property
    def total(self) -> int:
        """Number of instances."""
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The instances of one service that were looked at within a range."""

    name: str
    total: int
    healthy: int


@dataclass(frozen=True, slots=True)
class Spread:
    """What one instance used at one moment: on average, at most, at least."""

    average: int = 0
    most: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True)
class HealthFigures:
    """The health of a range; CPU in millicores, memory in megabytes."""

    services: Sequence[ServiceHealth]
    cpu: Spread
    memory: Spread

    @property
    def total(self) -> int:
        """Number of instances looked at."""
        return sum(each.total for each in self.services)

    @property
    def healthy(self) -> int:
        """How many of them were healthy when they were last looked at."""
        return sum(each.healthy for each in self.services)


def summarise(at: datetime) -> HealthSummary:
    """All instances, and the looks of the last five minutes."""
    looked = Instance.last_health_check_at > at - RECENT
    rows = session().execute(
        select(
            Instance.status,
            func.count(),
            func.count().filter(looked),
            func.count().filter(looked, _is_healthy()),
        )
        .where(_LIVES)
        .group_by(Instance.status)
    )
    counted = [(status.value, int(total), int(seen), int(well)) for status, total, seen, well in rows]
    return HealthSummary(
        {status: total for status, total, _, _ in counted},
        sum(seen for _, _, seen, _ in counted),
        sum(well for _, _, _, well in counted),
    )


def figures_of(range_: TimeRange, at: datetime) -> HealthFigures:
    """The instances that were looked at within the range, by service, and what all of them used in it."""
    since = at - range_.length
    rows = session().execute(
        select(Service.name, func.count(), func.count().filter(_is_healthy()))
        .select_from(Instance)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .where(_LIVES, Instance.last_health_check_at > since)
        .group_by(Service.id)
        .order_by(Service.name)
    )
    services = [ServiceHealth(name, int(total), int(well)) for name, total, well in rows]
    used = session().execute(_of_hours(since) if range_ is TimeRange.WEEK else _of_samples(since)).one()
    return HealthFigures(services, _spread(*used[:3]), _spread(*used[3:]))


def list_watched(limit: int = 500) -> Sequence[Sold]:
    """The instances that run or are being provisioned, as they were last seen, by name."""
    rows = session().execute(
        select(Instance, User, Subscription, Service, Plan)
        .join(User, User.id == Instance.user_id)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(Instance.status.in_(_WATCHED))
        .order_by(Instance.name)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [Sold(*row) for row in rows]


def is_healthy(instance: Instance) -> bool:
    """Tell whether it runs and was ready when it was last looked at."""
    return instance.status is InstanceStatus.RUNNING and instance.health_status == HEALTHY


def _is_healthy() -> ColumnElement[bool]:
    return (Instance.status == InstanceStatus.RUNNING) & (Instance.health_status == HEALTHY)


def _of_samples(since: datetime) -> Select[*tuple[Any, ...]]:
    cpu, memory = UsageSample.cpu_milli, UsageSample.memory_mb
    return select(
        func.avg(cpu), func.max(cpu), func.min(cpu), func.avg(memory), func.max(memory), func.min(memory)
    ).where(UsageSample.at > since)


def _of_hours(since: datetime) -> Select[*tuple[Any, ...]]:
    """Samples are not kept for a week; hours are, each with the number of samples behind it."""
    row, number = UsageRollup, func.sum(UsageRollup.samples)
    return select(
        func.sum(row.cpu_avg * row.samples) / func.nullif(number, 0),
        func.max(row.cpu_max),
        func.min(row.cpu_min),
        func.sum(row.memory_avg * row.samples) / func.nullif(number, 0),
        func.max(row.memory_max),
        func.min(row.memory_min),
    ).where(row.grain == Grain.HOUR, row.starts_at > since)


def _spread(average: Any, most: int | None, least: int | None) -> Spread:
    if average is None or most is None or least is None:
        return Spread()
    return Spread(round(average), most, least)
