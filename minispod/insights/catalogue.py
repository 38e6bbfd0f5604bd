"""The catalogue in figures, for staff: what is sold of it, and how full its plans are. Reads only."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from minispod.accounts.models import User
from minispod.catalog.models import Category, Plan, Service
from minispod.catalog.queries import Level, is_of
from minispod.instances.models import Instance
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import LIVE, SubscriptionStatus

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is, and how many services each category holds."""

    services: int
    active: int
    subscriptions: int
    instances: int
    categories: Sequence[tuple[Category, int]]


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of all plans, and the plans that are nearly or quite sold out, fullest first."""

    plans: int
    total: int
    used: int
    critical: int
    warning: int
    critical_plans: Sequence[Plan]
    warning_plans: Sequence[Plan]


def sold_by_plan(plan_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many subscriptions, of any state, each of these plans has."""
    return _sold(Subscription.plan_id.expression, list(plan_ids))


def sold_by_service(service_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many subscriptions, of any state, each of these services has."""
    return _sold(Subscription.service_id.expression, list(service_ids))


def figures() -> Figures:
    """The catalogue in figures."""
    services, active = (
        session()
        .execute(select(func.count(), func.count().filter(Service.is_active)).select_from(Service))
        .one()
    )
    held = (
        select(Category, func.count(Service.id))
        .outerjoin(Service, Service.category_id == Category.id)
        .group_by(Category.id)
        .order_by(Category.sort_order, Category.name)
    )
    return Figures(
        services,
        active,
        _count(Subscription),
        _count(Instance),
        [(category, int(number)) for category, number in session().execute(held)],
    )


def slots() -> Slots:
    """How full the plans are."""
    critical, warning = is_of(Level.CRITICAL), is_of(Level.WARNING)
    plans, total, used, is_critical, is_warning = (
        session()
        .execute(
            select(
                func.count(),
                func.coalesce(func.sum(Plan.total_quota), 0),
                func.coalesce(func.sum(Plan.used_quota), 0),
                func.count().filter(critical),
                func.count().filter(warning),
            )
        )
        .one()
    )
    return Slots(plans, int(total), int(used), is_critical, is_warning, _fullest(critical), _fullest(warning))


def live_of(plan_id: uuid.UUID) -> Page[tuple[Subscription, User]]:
    """The live subscriptions of a plan with their owners, newest first; the first hundred, and how many there are."""
    wanted = (
        select(Subscription, User)
        .join(User, User.id == Subscription.user_id)
        .where(Subscription.plan_id == plan_id, Subscription.status.in_(LIVE))
        .order_by(Subscription.created_at.desc(), Subscription.id.desc())
    )
    return page_of(wanted, PageRequest(1, _SHOWN))


@dataclass(frozen=True, slots=True)
class PricePaid:
    """How many active subscriptions of a plan pay one price, and the price they were told of (None: they keep it)."""

    price: int
    coming_price: int | None
    total: int
    earliest_from: datetime | None


def prices_paid(plan_id: uuid.UUID) -> Sequence[PricePaid]:
    """What the active subscriptions of a plan pay, the highest price first."""
    rows = session().execute(
        select(
            Subscription.price,
            Subscription.coming_price,
            func.count(),
            func.min(Subscription.coming_price_from),
        )
        .where(Subscription.plan_id == plan_id, Subscription.status == SubscriptionStatus.ACTIVE)
        .group_by(Subscription.price, Subscription.coming_price)
        .order_by(Subscription.price.desc(), Subscription.coming_price.desc().nulls_last())
    )
    return [PricePaid(*row) for row in rows]


def _sold(column: ColumnElement[uuid.UUID], ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = session().execute(select(column, func.count()).where(column.in_(ids)).group_by(column))
    return {found: int(number) for found, number in rows}


def _count(model: type[Subscription] | type[Instance]) -> int:
    return session().scalar(select(func.count()).select_from(model)) or 0


def _fullest(which: ColumnElement[bool]) -> Sequence[Plan]:
    share = Plan.used_quota * 100.0 / func.nullif(Plan.total_quota, 0)
    wanted = select(Plan).where(which).options(joinedload(Plan.service)).order_by(share.desc(), Plan.id)
    return session().scalars(wanted.limit(_SHOWN)).all()
