"""What nobody owns in the cluster, with the people and instances it may have to do with. For staff; only reads."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, or_, select

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
        select(Orphan, User)
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
    # While they are held here, the session has them at hand: nothing is asked for row by row.
    held = _instances_with_subscriptions(row.instance_id for row, _ in found.items)
    instances = {instance.id: instance for instance, _ in held}
    return found.map(
        lambda row: Stray(row[0], row[1], instances.get(row[0].instance_id), adopting.can_adopt(row[0]))
    )


def _instances_with_subscriptions(
    ids: Iterable[uuid.UUID | None],
) -> Sequence[Row[Instance, Subscription]]:
    query = select(Instance, Subscription).join(Subscription, Subscription.id == Instance.subscription_id)
    return session().execute(query.where(Instance.id.in_({id_ for id_ in ids if id_}))).all()
