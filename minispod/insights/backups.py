"""How the backups of all instances stand, with their owners: the staff's list, its totals, and what is in trouble.

What a trouble is says `backups/standing`. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select

from minispod.accounts.models import User
from minispod.backups import keeping
from minispod.backups.models import Backup, TroubleKind
from minispod.backups.standing import Standing, in_trouble, oldest_first, standings
from minispod.instances.models import Instance
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest


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
    return _listed(wanted, page, alarm, at)


def troubled(*, alarm: timedelta, at: datetime, limit: int) -> Page[ListedStanding]:
    """Those in trouble, the neediest first."""
    wanted = _joined().where(in_trouble(at, alarm)).order_by(*oldest_first())
    return _listed(wanted, PageRequest(1, limit), alarm, at)


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


def _listed(
    wanted: Select[Instance, Backup, Backup, int, User], page: PageRequest, alarm: timedelta, at: datetime
) -> Page[ListedStanding]:
    def shape(row: tuple[Instance, Backup | None, Backup | None, int, User]) -> ListedStanding:
        standing = Standing(*row[:4])
        return ListedStanding(standing, row[4], standing.trouble(at, alarm))

    found: Page[ListedStanding] = page_of(wanted, page, shape=shape)
    return found
