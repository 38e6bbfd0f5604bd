"""Instances with their owner and what they were sold as: the staff's list and one instance's facts."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, or_, select, union

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, searched_page, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Sold:
    """An instance with everything it hangs on."""

    instance: Instance
    owner: User
    subscription: Subscription
    service: Service
    plan: Plan


def list_sold(
    page: PageRequest,
    *,
    search: str = "",
    status: InstanceStatus | None = None,
    user_id: uuid.UUID | None = None,
    with_gone: bool = True,
) -> Page[Sold]:
    """List instances, newest first: all for staff, or of one customer (`user_id`).

    `search` looks into names, host, node, owner and service. What is gone is left out on wish; a `status` that is
    asked for is always listed.
    """
    wanted = select(Instance.id).order_by(Instance.created_at.desc(), Instance.id.desc())
    if search:
        wanted = wanted.where(Instance.id.in_(_mentioning(search)))
    if status is not None:
        wanted = wanted.where(Instance.status == status)
    elif not with_gone:
        wanted = wanted.where(Instance.status != InstanceStatus.TERMINATED)
    if user_id is not None:
        wanted = wanted.where(Instance.user_id == user_id)
    found = searched_page(wanted, page) if search else page_of(wanted, page)
    rows = session().execute(_joined().where(Instance.id.in_(found.items)))
    sold = {row[0].id: Sold(*row) for row in rows}
    return Page([sold[id_] for id_ in found.items], found.total, found.page, found.limit)


def _mentioning(words: str) -> CompoundSelect[uuid.UUID]:
    """Where the instance itself, its owner or its service say so; each is looked for by itself."""

    def says(*columns: Any) -> ColumnElement[bool]:
        return or_(*(column.icontains(words, autoescape=True) for column in columns))

    owners = select(User.id).where(says(User.name, User.email))
    sold = (
        select(Subscription.id).join(Service, Service.id == Subscription.service_id).where(says(Service.name))
    )
    itself = says(Instance.name, Instance.host, Instance.namespace, Instance.node_name)
    return union(
        select(Instance.id).where(itself),
        select(Instance.id).where(Instance.user_id.in_(owners)),
        select(Instance.id).where(Instance.subscription_id.in_(sold)),
    )


def get_sold(instance_id: uuid.UUID, *, actor: Actor) -> Sold:
    """One instance as it is now; raise NoSuchInstance when there is none the actor may see."""
    row = (
        session()
        .execute(_joined().where(Instance.id == instance_id).execution_options(populate_existing=True))
        .one_or_none()
    )
    if row is None or not actor.may_see(row[0].user_id):
        raise NoSuchInstance()
    return Sold(*row)


def _joined() -> Select[Instance, User, Subscription, Service, Plan]:
    return (
        select(Instance, User, Subscription, Service, Plan)
        .join(User, User.id == Instance.user_id)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
    )
