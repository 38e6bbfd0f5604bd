"""How the backups of each instance stand: the newest good one, what failed since, and whether that is a trouble.

The one definition behind the alarm, the administration's pages and the choice of what is due. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    UnaryExpression,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from minispod.backups.models import Backup, BackupReason, BackupStatus, TroubleKind
from minispod.catalog.recipes import all_recipes
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted

_FAILURES = 3
"""So many nightly attempts in a row must fail before it counts; another one is somebody's wish: it counts at once."""

_ALWAYS: ColumnElement[datetime] = literal_column("'-infinity'::timestamptz")


@dataclass(frozen=True, slots=True)
class Standing:
    """One instance and its backups; `failures` are those since the newest good one."""

    instance: Instance
    newest: Backup | None
    failed: Backup | None
    failures: int

    def trouble(self, at: datetime, alarm: timedelta) -> TroubleKind | None:
        """What is wrong with them, the worse first."""
        kept_since = self.newest.taken_at if self.newest is not None else self.instance.first_ran_at
        if kept_since is not None and kept_since < at - alarm:
            return TroubleKind.OVERDUE
        if self.failed is None:
            return None
        is_final = self.failures >= _FAILURES or self.failed.reason is not BackupReason.DAILY
        return TroubleKind.FAILED if is_final else None


_newest = aliased(
    Backup,
    select(Backup)
    .where(Backup.instance_id == Instance.id, Backup.status == BackupStatus.DONE, Backup.removed_at.is_(None))
    .order_by(Backup.taken_at.desc(), Backup.id.desc())
    .limit(1)
    .lateral("newest"),
)
_since_newest = and_(
    Backup.instance_id == Instance.id,
    Backup.status == BackupStatus.FAILED,
    # Not "or there is none": this way an index finds them.
    Backup.taken_at > func.coalesce(_newest.taken_at, _ALWAYS),
)
_failed = aliased(
    Backup,
    select(Backup)
    .where(_since_newest)
    .order_by(Backup.taken_at.desc(), Backup.id.desc())
    .limit(1)
    .lateral("failed"),
)
_failures = (
    select(func.count())
    .select_from(Backup)
    .where(_since_newest)
    .correlate(Instance, _newest)
    .scalar_subquery()
)


def is_cared_for() -> ColumnElement[bool]:
    """Instances that hold data and are to go on holding them."""
    return and_(
        Instance.service_slug.in_([recipe.slug for recipe in all_recipes() if recipe.keeps_data]),
        Instance.first_ran_at.is_not(None),
        Instance.status != InstanceStatus.TERMINATED,
        Instance.wanted != Wanted.ABSENT,
    )


def standings() -> Select[Instance, Backup, Backup, int]:
    """All instances that are cared for; a row becomes a Standing."""
    return (
        select(Instance, _newest, _failed, _failures)
        .select_from(Instance)
        .outerjoin(_newest, true())
        .outerjoin(_failed, true())
        .where(is_cared_for())
    )


def in_trouble(at: datetime, alarm: timedelta, kind: TroubleKind | None = None) -> ColumnElement[bool]:
    """Those of `standings()` with a trouble (of one kind): the same judgement as `Standing.trouble`."""
    is_overdue = func.coalesce(_newest.taken_at, Instance.first_ran_at) < at - alarm
    is_failed = and_(
        ~is_overdue,
        _failed.id.is_not(None),
        or_(_failures >= _FAILURES, _failed.reason != BackupReason.DAILY),
    )
    if kind is None:
        return or_(is_overdue, is_failed)
    return is_overdue if kind is TroubleKind.OVERDUE else is_failed


def oldest_first() -> tuple[UnaryExpression[Any], ...]:
    """The order in which instances most need a backup: those without one, then by the age of the newest."""
    return (_newest.taken_at.asc().nulls_first(), Instance.id.asc())


def without_backup_since(instant: datetime) -> ColumnElement[bool]:
    """Those of `standings()` whose newest good backup is older than an instant, or missing."""
    return or_(_newest.id.is_(None), _newest.taken_at < instant)


def newest_is_of_other_data() -> ColumnElement[bool]:
    """Those of `standings()` whose newest good backup, if any, was taken before a restore, a reset or a return."""
    return exists().where(
        InstanceVolume.instance_id == Instance.id,
        InstanceVolume.status == VolumeStatus.ACTIVE,
        InstanceVolume.data_since > func.coalesce(_newest.taken_at, _ALWAYS),
    )


def has_backup(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Instances with a backup of which all of this is true."""
    return exists().where(Backup.instance_id == Instance.id, *conditions)
