"""Instances with their owner and what they were sold as: the staff's list and one instance's facts."""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, or_, select

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
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
    wanted = sold_rows().order_by(Instance.created_at.desc(), Instance.id.desc())
    if search:
        wanted = wanted.where(speaks_of(search))
    if status is not None:
        wanted = wanted.where(Instance.status == status)
    elif not with_gone:
        wanted = wanted.where(Instance.status != InstanceStatus.TERMINATED)
    if user_id is not None:
        wanted = wanted.where(Instance.user_id == user_id)
    found: Page[Sold] = page_of(wanted, page, shape=lambda row: Sold(*row))
    return found


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


def speaks_of(text: str) -> ColumnElement[bool]:
    """Tell whether names, host, node, owner or service contain a text."""
    columns = (
        Instance.name,
        Instance.host,
        Instance.namespace,
        Instance.node_name,
        User.name,
        User.email,
        Service.name,
    )
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def sold_rows() -> Select[Instance, User, Subscription, Service, Plan]:
    """The question that `Sold` answers, for lists with filters of their own."""
    return (
        select(Instance, User, Subscription, Service, Plan)
        .join(User, User.id == Instance.user_id)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
    )
