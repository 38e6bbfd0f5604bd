"""Instances with their owner and what they were sold as: the staff's list and one instance's facts."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, union

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import is_found_by, page_of, searched_page, session
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
        wanted = wanted.where(speaks_of(search))
    if status is not None:
        wanted = wanted.where(Instance.status == status)
    elif not with_gone:
        wanted = wanted.where(Instance.status != InstanceStatus.TERMINATED)
    if user_id is not None:
        wanted = wanted.where(Instance.user_id == user_id)
    return loaded(searched_page(wanted, page) if search else page_of(wanted, page))


def get_sold(instance_id: uuid.UUID, *, actor: Actor) -> Sold:
    """One instance as it is now; raise NoSuchInstance when there is none the actor may see."""
    row = (
        session()
        .execute(sold_rows().where(Instance.id == instance_id).execution_options(populate_existing=True))
        .one_or_none()
    )
    if row is None or not actor.may_see(row[0].user_id):
        raise NoSuchInstance()
    return Sold(*row)


def loaded(ids: Page[uuid.UUID]) -> Page[Sold]:
    """The same page with its instances read, in its order."""
    rows = session().execute(sold_rows().where(Instance.id.in_(ids.items)))
    sold = {row[0].id: Sold(*row) for row in rows}
    return Page([sold[id_] for id_ in ids.items], ids.total, ids.page, ids.limit)


def speaks_of(text: str) -> ColumnElement[bool]:
    """Tell whether names, host, node, owner or service contain a text; each is looked for by itself."""

    def says(*columns: Any) -> ColumnElement[bool]:
        return or_(*(column.icontains(text, autoescape=True) for column in columns))

    owners = select(User.id).where(says(User.name, User.email))
    sold = (
        select(Subscription.id).join(Service, Service.id == Subscription.service_id).where(says(Service.name))
    )
    itself = says(Instance.name, Instance.host, Instance.namespace, Instance.node_name)
    every = union(
        select(Instance.id).where(itself),
        select(Instance.id).where(Instance.user_id.in_(owners)),
        select(Instance.id).where(Instance.subscription_id.in_(sold)),
    )
    return is_found_by(Instance.id, every)


def sold_rows() -> Select[Instance, User, Subscription, Service, Plan]:
    """The question that `Sold` answers, for lists with filters of their own."""
    return (
        select(Instance, User, Subscription, Service, Plan)
        .join(User, User.id == Instance.user_id)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
    )
