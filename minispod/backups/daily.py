"""Whose backup is due tonight. Not for taking it.

Each instance has its own moment in the first part of the night, always the same, so that the load is spread and two
backups of one instance are a day apart; the rest of the night is for what failed.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.backups.standing import (
    has_backup,
    newest_is_of_other_data,
    oldest_first,
    standings,
    without_backup_since,
)
from minispod.catalog.recipes import all_recipes
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session

_SPREAD = 0.75
_PAUSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Nights:
    """When the nightly backups are taken: from an hour of `zone` on, for so many hours."""

    zone: ZoneInfo
    from_hour: int
    hours: int

    @property
    def length(self) -> timedelta:
        """How long a night is."""
        return timedelta(hours=self.hours)

    def begin(self, at: datetime) -> datetime | None:
        """The beginning of the night that `at` is in; None by day."""
        local = at.astimezone(self.zone)
        begins = local.replace(hour=self.from_hour, minute=0, second=0, microsecond=0)
        if begins > local:
            begins -= timedelta(days=1)
        return begins if local < begins + self.length else None


def due_daily(at: datetime, nights: Nights, limit: int) -> Sequence[uuid.UUID]:
    """The instances to back up now, so that no more than `limit` nightly backups run at a time.

    They run or are stopped, hold data, have no good backup of this night, none under way, and none that failed within
    the last half hour. By day only those whose newest backup is not of the data in use (they were restored, reset or
    returned since), where nothing has to be stopped for it.
    """
    begins = nights.begin(at)
    soon = newest_is_of_other_data()
    if begins is None:
        is_due, passed = and_(soon, _can_be_copied_at_once()), 0.0
    else:
        is_due, passed = or_(soon, without_backup_since(begins)), (at - begins) / (nights.length * _SPREAD)
    running = select(func.count()).where(
        Backup.status == BackupStatus.RUNNING, Backup.reason == BackupReason.DAILY
    )
    free = limit - int(session().scalar(running) or 0)
    wanted = (
        standings()
        .where(
            Instance.status.in_((InstanceStatus.RUNNING, InstanceStatus.STOPPED)),
            is_due,
            ~has_backup(Backup.status == BackupStatus.RUNNING),
            ~has_backup(Backup.status == BackupStatus.FAILED, Backup.finished_at > at - _PAUSE),
        )
        .order_by(*oldest_first())
        .with_only_columns(Instance.id, soon)
    )
    ids = [id_ for id_, is_soon in session().execute(wanted) if is_soon or _place(id_) <= passed]
    return ids[: max(0, free)]


def _can_be_copied_at_once() -> ColumnElement[bool]:
    live = [recipe.slug for recipe in all_recipes() if recipe.consistency == "live"]
    return or_(Instance.status == InstanceStatus.STOPPED, Instance.service_slug.in_(live))


def _place(instance_id: uuid.UUID) -> float:
    """Where in the night an instance has its moment, from 0 to 1: the random end of its id."""
    return instance_id.int % 1000 / 1000
