"""Reads of subscriptions. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import joinedload

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions.errors import NoSuchSubscription
from minispod.subscriptions.models import PlanChange, Subscription
from minispod.subscriptions.states import LIVE, ChangeState, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class OwnedSubscription:
    """A subscription with its instance and, for staff, its owner."""

    subscription: Subscription
    instance: Instance | None
    owner: User | None = None


def get_subscription(subscription_id: uuid.UUID, *, actor: Actor) -> OwnedSubscription:
    """One subscription with plan, service and instance; raise NoSuchSubscription."""
    subscription = session().scalar(
        select(Subscription)
        .where(Subscription.id == subscription_id)
        .options(joinedload(Subscription.plan), joinedload(Subscription.service))
        .execution_options(populate_existing=True)
    )
    if subscription is None or not actor.may_see(subscription.user_id):
        raise NoSuchSubscription()
    instance = session().scalar(
        select(Instance)
        .where(Instance.subscription_id == subscription.id)
        .execution_options(populate_existing=True)
    )
    return OwnedSubscription(subscription, instance)


def list_own(*, actor: Actor, status: SubscriptionStatus | None = None) -> Sequence[OwnedSubscription]:
    """The actor's own subscriptions, newest first."""
    wanted = (
        select(Subscription, Instance)
        .outerjoin(Instance, Instance.subscription_id == Subscription.id)
        .where(Subscription.user_id == actor.user_id)
        .order_by(Subscription.created_at.desc(), Subscription.id.desc())
        .options(joinedload(Subscription.plan), joinedload(Subscription.service))
    )
    if status is not None:
        wanted = wanted.where(Subscription.status == status)
    return [OwnedSubscription(subscription, instance) for subscription, instance in session().execute(wanted)]


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
    wanted = (
        select(Subscription, Instance, User)
        .join(User, User.id == Subscription.user_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Service, Service.id == Subscription.service_id)
        .outerjoin(Instance, Instance.subscription_id == Subscription.id)
        .order_by(
            *((key.asc(), Subscription.id.asc()) if ascending else (key.desc(), Subscription.id.desc()))
        )
        .options(joinedload(Subscription.plan), joinedload(Subscription.service))
    )
    if search:
        columns = (User.name, User.email, Service.name, Plan.name, Instance.host)
        wanted = wanted.where(or_(*(column.icontains(search.strip(), autoescape=True) for column in columns)))
    if status is not None:
        wanted = wanted.where(Subscription.status == status)
    if user_id is not None:
        wanted = wanted.where(Subscription.user_id == user_id)
    if service_id is not None:
        wanted = wanted.where(Subscription.service_id == service_id)
    rows: Page[OwnedSubscription] = page_of(wanted, page, shape=lambda row: OwnedSubscription(*row))
    return rows


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
