"""The staff's list of instances: what it may be narrowed to and sorted by, in the database."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from minispod.accounts.models import User
from minispod.catalog.models import Plan, PlanType, Service
from minispod.insights.fleet import Sold, loaded, speaks_of
from minispod.instances.models import Instance
from minispod.instances.states import HEALTHY, InstanceStatus, Wanted
from minispod.kernel.database import page_of, searched_page, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions.models import Subscription


class Match(StrEnum):
    """Whether what is seen is what is wanted, and what needs a person."""

    AS_WANTED = "AS_WANTED"
    NOT_AS_WANTED = "NOT_AS_WANTED"
    IN_TROUBLE = "IN_TROUBLE"


class Sorting(StrEnum):
    """What the list may be sorted by; `up` is the smallest or oldest first."""

    NAME = "name"
    STATUS = "status"
    CUSTOMER = "customer"
    NODE = "node"
    CPU = "cpu"
    MEMORY = "memory"
    SINCE = "since"
    MADE = "made"


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; what is empty narrows nothing."""

    search: str = ""
    status: InstanceStatus | None = None
    service: str = ""
    plan: PlanType | None = None
    node: str = ""
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from: services (slug, name) and nodes."""

    services: Sequence[tuple[str, str]]
    nodes: Sequence[str]


_COLUMNS: dict[Sorting, Any] = {
    Sorting.NAME: Instance.name,
    Sorting.STATUS: Instance.status,
    Sorting.CUSTOMER: func.lower(User.name),
    Sorting.NODE: Instance.node_name,
    Sorting.CPU: Instance.cpu_usage,
    Sorting.MEMORY: Instance.memory_usage,
    Sorting.SINCE: Instance.status_changed_at,
    Sorting.MADE: Instance.created_at,
}
_MAY_BE_EMPTY = frozenset({Sorting.NODE, Sorting.CPU, Sorting.MEMORY})
_SEEN_AS = {
    Wanted.RUNNING: InstanceStatus.RUNNING,
    Wanted.STOPPED: InstanceStatus.STOPPED,
    Wanted.ABSENT: InstanceStatus.TERMINATED,
}


def list_fleet(
    page: PageRequest, wanted: Filter, *, sorting: Sorting = Sorting.MADE, is_up: bool = False
) -> Page[Sold]:
    """One page of the instances that match."""
    column = _COLUMNS[sorting]
    order = column.asc() if is_up else column.desc()
    if sorting in _MAY_BE_EMPTY:
        order = order.nulls_last()
    # Without a filter that needs them the joins are left out: an index alone finds the page.
    ids = _joined() if wanted.service or wanted.plan or sorting is Sorting.CUSTOMER else select(Instance.id)
    ids = _narrowed(ids, wanted).order_by(order, Instance.id.asc() if is_up else Instance.id.desc())
    return loaded(searched_page(ids, page) if wanted.search else page_of(ids, page))


def matching_ids(wanted: Filter, *, limit: int) -> Sequence[uuid.UUID]:
    """The ids of all that match, at most `limit`."""
    return session().scalars(_narrowed(_joined(), wanted).order_by(Instance.name).limit(limit)).all()


def _joined() -> Select[uuid.UUID]:
    return (
        select(Instance.id)
        .join(User, User.id == Instance.user_id)
        .join(Subscription, Subscription.id == Instance.subscription_id)
        .join(Service, Service.id == Subscription.service_id)
        .join(Plan, Plan.id == Subscription.plan_id)
    )


def find_choices() -> Choices:
    """Services that were sold, and nodes that something runs on."""
    services = (
        select(Service.slug, Service.name)
        .where(Service.id.in_(select(Subscription.service_id).distinct()))
        .order_by(Service.name)
    )
    nodes = select(Instance.node_name).where(Instance.node_name.is_not(None)).distinct()
    return Choices(
        [(slug, name) for slug, name in session().execute(services)],
        sorted(each for each in session().scalars(nodes) if each),
    )


def _narrowed(query: Select[uuid.UUID], wanted: Filter) -> Select[uuid.UUID]:
    if wanted.search:
        query = query.where(speaks_of(wanted.search))
    if wanted.status is not None:
        query = query.where(Instance.status == wanted.status)
    if wanted.service:
        query = query.where(Service.slug == wanted.service)
    if wanted.plan is not None:
        query = query.where(Plan.plan_type == wanted.plan)
    if wanted.node:
        query = query.where(Instance.node_name == wanted.node)
    if wanted.match is not None:
        query = query.where(_matches(wanted.match))
    return query


def _matches(match: Match) -> ColumnElement[bool]:
    as_wanted = or_(
        *(and_(Instance.wanted == wish, Instance.status == seen) for wish, seen in _SEEN_AS.items())
    )
    if match is Match.AS_WANTED:
        return as_wanted
    if match is Match.NOT_AS_WANTED:
        return ~as_wanted
    unwell = and_(
        Instance.status == InstanceStatus.RUNNING,
        Instance.health_status.is_not(None),
        Instance.health_status != HEALTHY,
    )
    return or_(Instance.status == InstanceStatus.ERROR, unwell, Instance.awaits_last_backup.is_(True))
