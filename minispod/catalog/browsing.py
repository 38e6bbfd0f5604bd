"""Categories, plans for sale, and what finds services; the services themselves are in catalog/showing."""

import uuid
from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.sql import Select

from minispod.catalog.errors import NoSuchCategory, NoSuchPlan
from minispod.catalog.models import Category, Plan, Service
from minispod.kernel.database import session


def within(category_slug: str) -> Select[uuid.UUID]:
    """The ids of a category and of all categories below it."""
    inner = _reach()
    tops = select(Category.id).where(Category.slug == category_slug)
    return select(inner.c.id).where(inner.c.top_id.in_(tops))


def mentions(words: str) -> ColumnElement[bool]:
    """Whether name, texts or a tag of a service say so, without regard to case."""
    columns = (Service.name, Service.description, Service.long_description)
    return or_(
        *(column.icontains(words, autoescape=True) for column in columns),
        Service.tags.op("@>")(func.jsonb_build_array(words.lower())),
    )


def _reach() -> CTE:
    """Each category with itself and all that lie below it. Rows are not repeated, so a circle would end too."""
    every = select(Category.id.label("top_id"), Category.id.label("id")).cte("reach", recursive=True)
    below = select(every.c.top_id, Category.id).join(every, Category.parent_id == every.c.id)
    return every.union(below)


def list_categories(*, with_empty: bool = False) -> Sequence[tuple[Category, int]]:
    """Categories in their order with the number of services for sale in each and below it; empty ones on wish."""
    inner = _reach()
    count = func.count(Service.id)
    wanted = (
        select(Category, count)
        .join(inner, inner.c.top_id == Category.id)
        .outerjoin(
            Service,
            (Service.category_id == inner.c.id) & Service.is_active.is_(True) & Service.is_public.is_(True),
        )
        .group_by(Category.id)
        .order_by(Category.sort_order, Category.name)
    )
    if not with_empty:
        wanted = wanted.having(count > 0)
    return [(category, int(number)) for category, number in session().execute(wanted)]


def get_category(slug: str) -> Category:
    """One category; raise NoSuchCategory."""
    category = session().scalar(select(Category).where(Category.slug == slug))
    if category is None:
        raise NoSuchCategory()
    return category


def get_plan_for_sale(plan_id: uuid.UUID) -> Plan:
    """An active plan of a service for sale, with the service; raise NoSuchPlan."""
    plan = session().scalar(
        select(Plan)
        .where(Plan.id == plan_id)
        .options(joinedload(Plan.service))
        .execution_options(populate_existing=True)
    )
    if plan is None:
        raise NoSuchPlan()
    require_for_sale(plan)
    return plan


def require_for_sale(plan: Plan) -> None:
    """Raise NoSuchPlan unless the plan and its service are for sale; the service is at hand."""
    if not plan.is_active or not plan.service.is_active or not plan.service.is_public:
        raise NoSuchPlan()


def get_plan(plan_id: uuid.UUID) -> Plan:
    """Any plan, on sale or not, with its service; raise NoSuchPlan."""
    plan = session().scalar(select(Plan).where(Plan.id == plan_id).options(joinedload(Plan.service)))
    if plan is None:
        raise NoSuchPlan()
    return plan


def plans_for_sale_of(service_id: uuid.UUID) -> Sequence[Plan]:
    """The active plans of a service, as they are now; none while the service itself is not for sale."""
    wanted = (
        select(Plan)
        .join(Service, Service.id == Plan.service_id)
        .where(Plan.service_id == service_id, Plan.is_active.is_(True))
        .where(Service.is_active.is_(True), Service.is_public.is_(True))
        .order_by(Plan.sort_order)
    )
    return session().scalars(wanted.execution_options(populate_existing=True)).all()


def all_plans() -> Sequence[Plan]:
    """All plans with their services, for staff figures."""
    return session().scalars(select(Plan).options(joinedload(Plan.service)).order_by(Plan.sort_order)).all()
