"""Reads of subscriptions. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, and_, bindparam, func, or_, select, union
from sqlalchemy.orm import joinedload

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import is_found_by, page_of, searched_page, session
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.prepared import among, prepared
from minispod.subscriptions.errors import NoSuchSubscription
from minispod.subscriptions.models import PlanChange, Subscription
from minispod.subscriptions.states import LIVE, ChangeState, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class OwnedSubscription:
    """A subscription with its instance and, for staff, its owner."""

    subscription: Subscription
    instance: Instance | None
    owner: User | None = None


_SOLD = (joinedload(Subscription.plan), joinedload(Subscription.service))
_WITH_INSTANCE = (
    select(Subscription, Instance)
    .outerjoin(Instance, Instance.subscription_id == Subscription.id)
    .options(*_SOLD)
)
_ONE = prepared(
    _WITH_INSTANCE.where(Subscription.id == bindparam("wanted")).execution_options(populate_existing=True)
)
_OWN = prepared(
    _WITH_INSTANCE.where(Subscription.user_id == bindparam("owner")).order_by(
        Subscription.created_at.desc(), Subscription.id.desc()
    )
)
_PAGE = prepared(
    select(Subscription, Instance, User)
    .join(User, User.id == Subscription.user_id)
    .outerjoin(Instance, Instance.subscription_id == Subscription.id)
    .where(among(Subscription.id, "ids"))
    .options(*_SOLD)
)


def get_subscription(subscription_id: uuid.UUID, *, actor: Actor) -> OwnedSubscription:
    """One subscription with plan, service and instance; raise NoSuchSubscription."""
    row = session().execute(_ONE, {"wanted": subscription_id}).one_or_none()
    if row is None or not actor.may_see(row[0].user_id):
        raise NoSuchSubscription()
    return OwnedSubscription(*row)


def list_own(*, actor: Actor, status: SubscriptionStatus | None = None) -> Sequence[OwnedSubscription]:
    """The actor's own subscriptions, newest first."""
    wanted = _OWN if status is None else _OWN.where(Subscription.status == status)
    return [OwnedSubscription(*row) for row in session().execute(wanted, {"owner": actor.user_id})]


def lock_own(subscription_id: uuid.UUID, *, actor: Actor) -> Subscription:
    """The row, locked, for its owner, staff or the system; raise NoSuchSubscription."""
    subscription = session().scalar(
        select(Subscription)
        .where(Subscription.id == subscription_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if subscription is None or not actor.may_see(subscription.user_id):
        raise NoSuchSubscription()
    return subscription


def lock_instance_of(subscription: Subscription) -> Instance:
    """The instance of a locked subscription, locked after it (docs/adr/0005)."""
    return (
        session()
        .scalars(
            select(Instance)
            .where(Instance.subscription_id == subscription.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        .one()
    )


def find_pending_change(subscription_id: uuid.UUID) -> PlanChange | None:
    """The change of plan the cluster has not caught up with, as it is now; there is one at most."""
    return session().scalar(
        select(PlanChange)
        .where(PlanChange.subscription_id == subscription_id, PlanChange.state == ChangeState.PENDING)
        .execution_options(populate_existing=True)
    )


class SortKey(StrEnum):
    """What the staff's list is sorted by; the names are those of the wire."""

    CREATED = "createdAt"
    ENDS = "endDate"
    PRICE = "monthlyPrice"
    STATUS = "status"


_SORTED_BY = {
    SortKey.CREATED: Subscription.created_at,
    SortKey.ENDS: Subscription.ends_at,
    SortKey.PRICE: Subscription.price,
    SortKey.STATUS: Subscription.status,
}


def list_all(
    page: PageRequest,
    *,
    search: str = "",
    status: SubscriptionStatus | None = None,
    user_id: uuid.UUID | None = None,
    service_id: uuid.UUID | None = None,
    sort: SortKey = SortKey.CREATED,
    ascending: bool = False,
) -> Page[OwnedSubscription]:
    """List subscriptions for staff, newest first unless sorted; `search` looks into owner, service, plan and host."""
    key = _SORTED_BY[sort]
    wanted = select(Subscription.id).order_by(
        *((key.asc(), Subscription.id.asc()) if ascending else (key.desc(), Subscription.id.desc()))
    )
    if search.strip():
        wanted = wanted.where(is_found_by(Subscription.id, _mentioning(search.strip())))
    if status is not None:
        wanted = wanted.where(Subscription.status == status)
    if user_id is not None:
        wanted = wanted.where(Subscription.user_id == user_id)
    if service_id is not None:
        wanted = wanted.where(Subscription.service_id == service_id)
    found = searched_page(wanted, page) if search.strip() else page_of(wanted, page)
    return Page(_loaded(found.items), found.total, found.page, found.limit)


def _mentioning(words: str) -> CompoundSelect[uuid.UUID]:
    """Where owner, host, service or plan say so: each is looked for by itself, so that each can use its index."""

    def says(column: Any) -> ColumnElement[bool]:
        return column.icontains(words, autoescape=True)  # type: ignore[no-any-return]

    owners = select(User.id).where(or_(says(User.name), says(User.email)))
    services, plans = select(Service.id).where(says(Service.name)), select(Plan.id).where(says(Plan.name))
    return union(
        select(Subscription.id).where(Subscription.user_id.in_(owners)),
        select(Instance.subscription_id).where(says(Instance.host)),
        select(Subscription.id).where(Subscription.service_id.in_(services)),
        select(Subscription.id).where(Subscription.plan_id.in_(plans)),
    )


def _loaded(ids: Sequence[uuid.UUID]) -> list[OwnedSubscription]:
    """The rows of one page, in its order."""
    rows = session().execute(_PAGE, {"ids": list(ids)})
    found = {row[0].id: OwnedSubscription(*row) for row in rows}
    return [found[id_] for id_ in ids if id_ in found]


def due(at: datetime, limit: int = 500) -> Sequence[uuid.UUID]:
    """Subscriptions whose calendar has something to do; the conditions mirror `expiry.advance`."""
    over = and_(
        Subscription.status == SubscriptionStatus.ACTIVE,
        Subscription.ends_at <= at,
        # A grace that still runs has nothing to do until it ends; credit wakes it earlier.
        or_(
            Subscription.grace_until.is_(None),
            Subscription.grace_until <= at,
            Subscription.auto_renew.is_(False),
        ),
    )
    kept_too_long = and_(
        Subscription.status == SubscriptionStatus.EXPIRED, Subscription.retention_until <= at
    )
    unrepaired = and_(
        Subscription.status == SubscriptionStatus.ACTIVE,
        Instance.repair_until <= at,
        Instance.status == InstanceStatus.ERROR,
    )
    return (
        session()
        .scalars(
            select(Subscription.id)
            .join(Instance, Instance.subscription_id == Subscription.id)
            .where(or_(over, kept_too_long, unrepaired))
            .order_by(Subscription.ends_at, Subscription.id)
            .limit(limit)
        )
        .all()
    )


def count_live() -> int:
    """Number of live subscriptions."""
    return (
        session().scalar(select(func.count()).select_from(Subscription).where(Subscription.status.in_(LIVE)))
        or 0
    )


def is_kept_of(service_id: uuid.UUID) -> bool:
    """Tell whether anybody has a subscription of a service, or might come back to one that ended."""
    kept = select(Subscription.id).where(
        Subscription.service_id == service_id, Subscription.status != SubscriptionStatus.CANCELLED
    )
    return session().scalar(select(kept.exists())) is True
