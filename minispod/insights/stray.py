"""What nobody owns in the cluster, with the people and instances it may have to do with. For staff; only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.instances import orphans
from minispod.instances.models import Instance
from minispod.instances.orphan_models import Orphan, OrphanKind
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions import adopting
from minispod.subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Stray:
    """An orphan, whose namespace it lies in, and the instance that could take it."""

    orphan: Orphan
    owner: User | None
    instance: Instance | None
    can_adopt: bool


def find_stray(
    page: PageRequest, *, search: str = "", kind: OrphanKind | None = None, at: datetime
) -> Page[Stray]:
    """A page of what nobody owns, as last found, the longest known first; `search` looks into names and owners."""
    query = (
        select(Orphan)
        .outerjoin(User, User.id == Orphan.user_id)
        .where(orphans.is_nobodys(at))
        .order_by(Orphan.first_seen_at, Orphan.id)
    )
    if search:
        columns = (Orphan.name, Orphan.namespace, User.name, User.email)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    if kind is not None:
        query = query.where(Orphan.kind == kind)
    found = page_of(query, page)
    return Page(_strays(found.items), found.total, found.page, found.limit)


def _strays(rows: Sequence[Orphan]) -> list[Stray]:
    """Each with what it may have to do with, in two statements for all."""
    owners = {user.id: user for user in directory.find_users({row.user_id for row in rows if row.user_id})}
    query = select(Instance, Subscription).join(Subscription, Subscription.id == Instance.subscription_id)
    # While they are held here, the session has them at hand: `can_adopt` asks for nothing.
    held = session().execute(query.where(Instance.id.in_({row.instance_id for row in rows}))).all()
    instances = {instance.id: instance for instance, _ in held}
    return [
        Stray(
            row,
            owners.get(row.user_id) if row.user_id else None,
            instances.get(row.instance_id) if row.instance_id else None,
            adopting.can_adopt(row),
        )
        for row in rows
    ]
