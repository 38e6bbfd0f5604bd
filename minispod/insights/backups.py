"""How the backups of all instances stand, with their owners: the staff's list, its totals, what is in trouble.

Also what waits for a decision about its last backup, and how the newest drills ended.

What a trouble is says `backups/standing`. Reads only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select

from minispod.accounts.models import User
from minispod.backups import keeping
from minispod.backups.models import Backup, BackupReason, TroubleKind
from minispod.backups.standing import Standing, in_trouble, oldest_first, standings
from minispod.instances.models import Instance
from minispod.kernel.database import first_of, page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.operations import queries
from minispod.operations.models import Drill, Operation


@dataclass(frozen=True, slots=True)
class ListedStanding:
    """One instance's backups, whose they are, and what is wrong with them."""

    standing: Standing
    owner: User
    trouble: TroubleKind | None


@dataclass(frozen=True, slots=True)
class Totals:
    """All backups in figures; `proven_at` is the newest drill that found one whole, sizes are bytes in the store."""

    instances: int
    failed: int
    overdue: int
    backups: int
    stored: int
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Undecided:
    """One instance whose deletion waits for a person, whose it is, and why no last backup could be taken."""

    instance: Instance
    owner: User
    error: str | None


@dataclass(frozen=True, slots=True)
class ListedDrill:
    """One drill with the backup it restored and the instance that was copied."""

    drill: Drill
    backup: Backup
    instance: Instance


def list_standings(
    page: PageRequest,
    *,
    search: str = "",
    trouble: TroubleKind | None = None,
    alarm: timedelta,
    at: datetime,
) -> Page[ListedStanding]:
    """List instances by how much they need a backup; `search` looks into names, services and owners."""
    wanted = _joined().order_by(*oldest_first())
    if search:
        columns = (Instance.name, Instance.service_slug, User.name, User.email)
        wanted = wanted.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    if trouble is not None:
        wanted = wanted.where(in_trouble(at, alarm, trouble))
    found: Page[ListedStanding] = page_of(wanted, page, shape=_shape(alarm, at))
    return found


def troubled(*, alarm: timedelta, at: datetime, limit: int) -> Page[ListedStanding]:
    """Those in trouble, the neediest first."""
    wanted = _joined().where(in_trouble(at, alarm)).order_by(*oldest_first())
    found: Page[ListedStanding] = first_of(wanted, limit, shape=_shape(alarm, at))
    return found


def undecided() -> list[Undecided]:
    """All instances whose deletion waits for a decision about their last backup, the longest waiting first."""
    newest = (
        select(Operation.error)
        .where(
            Operation.instance_id == Instance.id,
            Operation.backup_reason == BackupReason.BEFORE_DELETE,
        )
        .order_by(Operation.requested_at.desc(), Operation.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    waiting = queries.awaiting_decision().join(User, User.id == Instance.user_id).add_columns(User, newest)
    return [Undecided(*row) for row in session().execute(waiting)]


def newest_drills(limit: int) -> list[ListedDrill]:
    """The newest drills, newest first, with what they restored."""
    drills = queries.newest_drills(limit)
    restored = (
        select(Backup, Instance)
        .join(Instance, Instance.id == Backup.instance_id)
        .where(Backup.id.in_({each.backup_id for each in drills}))
    )
    found = {row[0].id: (row[0], row[1]) for row in session().execute(restored)}
    return [ListedDrill(each, *found[each.backup_id]) for each in drills]


def totals(*, alarm: timedelta, at: datetime) -> Totals:
    """The figures above the list."""
    return Totals(
        instances=_count(_ids()),
        failed=_count(_ids().where(in_trouble(at, alarm, TroubleKind.FAILED))),
        overdue=_count(_ids().where(in_trouble(at, alarm, TroubleKind.OVERDUE))),
        backups=_count(keeping.usable().with_only_columns(Backup.id)),
        stored=keeping.stored_bytes(),
        proven_at=session().scalar(select(func.max(Backup.proven_at))),
    )


def _count(wanted: Select[Any]) -> int:
    return int(session().scalar(select(func.count()).select_from(wanted.subquery())) or 0)


def _ids() -> Select[Any]:
    return standings().with_only_columns(Instance.id)


def _joined() -> Select[Instance, Backup, Backup, int, User]:
    return standings().join(User, User.id == Instance.user_id).add_columns(User)


def _shape(
    alarm: timedelta, at: datetime
) -> Callable[[tuple[Instance, Backup | None, Backup | None, int, User]], ListedStanding]:
    def shape(row: tuple[Instance, Backup | None, Backup | None, int, User]) -> ListedStanding:
        standing = Standing(*row[:4])
        return ListedStanding(standing, row[4], standing.trouble(at, alarm))

    return shape
