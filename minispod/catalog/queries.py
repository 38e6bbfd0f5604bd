"""Reads of the catalogue for staff: everything, on sale or not."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from minispod.catalog import browsing
from minispod.catalog.errors import NoSuchCategory, NoSuchPlan, NoSuchService
from minispod.catalog.models import Category, Plan, PlanType, Service
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest


class ServiceOrder(StrEnum):
    """What services can be sorted by, in the words of the wire."""

    NAME = "name"
    CREATED = "createdAt"
    UPDATED = "updatedAt"


class PlanOrder(StrEnum):
    """What plans can be sorted by, in the words of the wire."""

    NAME = "name"
    CREATED = "createdAt"
    UPDATED = "updatedAt"
    PRICE = "monthlyPrice"
    PLACE = "sortOrder"


class Level(StrEnum):
    """How full a plan is: warning from 75 % on, critical from 90 % on."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"


_WARNING_PERCENT, _CRITICAL_PERCENT = 75, 90

_SERVICE_COLUMNS: dict[ServiceOrder, ColumnElement[object]] = {
    ServiceOrder.NAME: func.lower(Service.name),
    ServiceOrder.CREATED: Service.created_at.expression,  # type: ignore[dict-item]
    ServiceOrder.UPDATED: Service.updated_at.expression,  # type: ignore[dict-item]
}
_PLAN_COLUMNS: dict[PlanOrder, ColumnElement[object]] = {
    PlanOrder.NAME: func.lower(Plan.name),
    PlanOrder.CREATED: Plan.created_at.expression,  # type: ignore[dict-item]
    PlanOrder.UPDATED: Plan.updated_at.expression,  # type: ignore[dict-item]
    PlanOrder.PRICE: Plan.monthly_price.expression,  # type: ignore[dict-item]
    PlanOrder.PLACE: Plan.sort_order.expression,  # type: ignore[dict-item]
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which services or plans are wanted; what is None does not matter."""

    search: str = ""
    is_active: bool | None = None
    category_slug: str | None = None
    service_id: uuid.UUID | None = None
    plan_type: PlanType | None = None
    level: Level | None = None


def list_services(page: PageRequest, wanted: Wanted, *, by: ServiceOrder, downward: bool) -> Page[Service]:
    """List all services with category and all plans."""
    column = _SERVICE_COLUMNS[by]
    found = _services().order_by(column.desc() if downward else column.asc(), Service.id)
    if wanted.search.strip():
        said = Service.slug.icontains(wanted.search.strip(), autoescape=True)
        found = found.where(or_(said, browsing.mentions(wanted.search.strip())))
    if wanted.is_active is not None:
        found = found.where(Service.is_active.is_(wanted.is_active))
    if wanted.category_slug:
        found = found.where(Service.category_id.in_(browsing.within(wanted.category_slug)))
    return page_of(found, page)


def get_service(service_id: uuid.UUID) -> Service:
    """Any service with category and all plans, as it is now; raise NoSuchService."""
    service = session().scalar(
        _services().where(Service.id == service_id).execution_options(populate_existing=True)
    )
    if service is None:
        raise NoSuchService()
    return service


def list_plans(page: PageRequest, wanted: Wanted, *, by: PlanOrder, downward: bool) -> Page[Plan]:
    """List all plans of all services, each with its service and category."""
    column = _PLAN_COLUMNS[by]
    found = _filtered(wanted).order_by(column.desc() if downward else column.asc(), Plan.id)
    return page_of(found, page)


def list_by_service(page: PageRequest, wanted: Wanted) -> Page[Plan]:
    """List plans by the names of service and plan."""
    return page_of(_filtered(wanted).order_by(Service.name, Plan.name, Plan.id), page)


def get_plan(plan_id: uuid.UUID, *, service_id: uuid.UUID | None = None) -> Plan:
    """Any plan with its service and category, as it is now; raise NoSuchPlan, also if it is of another service."""
    found = _plans().where(Plan.id == plan_id).execution_options(populate_existing=True)
    if service_id is not None:
        found = found.where(Plan.service_id == service_id)
    plan = session().scalar(found)
    if plan is None:
        raise NoSuchPlan("Service plan not found")
    return plan


def get_category(category_id: uuid.UUID) -> Category:
    """One category; raise NoSuchCategory."""
    category = session().get(Category, category_id)
    if category is None:
        raise NoSuchCategory()
    return category


def list_categories(page: PageRequest, *, search: str = "") -> Page[tuple[Category, int, int]]:
    """List categories in their order, each with the number of its services, on sale or not, and of its children."""
    children = Category.__table__.alias("children")
    child = select(func.count()).select_from(children).where(children.c.parent_id == Category.id)
    services = select(func.count()).select_from(Service).where(Service.category_id == Category.id)
    found = select(Category, services.scalar_subquery(), child.scalar_subquery()).order_by(
        Category.sort_order, Category.name
    )
    if search.strip():
        words = search.strip()
        columns = (Category.name, Category.slug, Category.description)
        found = found.where(or_(*(column.icontains(words, autoescape=True) for column in columns)))
    return page_of(found, page)


def level_of(plan: Plan) -> Level:
    """How full a plan is."""
    if plan.used_quota * 100 >= _CRITICAL_PERCENT * plan.total_quota and plan.used_quota:
        return Level.CRITICAL
    if plan.used_quota * 100 >= _WARNING_PERCENT * plan.total_quota and plan.used_quota:
        return Level.WARNING
    return Level.HEALTHY


def is_of(level: Level) -> ColumnElement[bool]:
    """Plans of a level; the same rule as `level_of`, for the database."""
    if level is Level.CRITICAL:
        return _is_taken(_CRITICAL_PERCENT)
    if level is Level.WARNING:
        return _is_taken(_WARNING_PERCENT) & ~_is_taken(_CRITICAL_PERCENT)
    return ~_is_taken(_WARNING_PERCENT)


def utilization(used: int, total: int) -> int:
    """The share that is taken, in whole percent, half rounded up; 0 of nothing."""
    return (200 * used + total) // (2 * total) if total else 0


def _services() -> Select[Service]:
    return select(Service).options(joinedload(Service.category), selectinload(Service.plans))


def _plans() -> Select[Plan]:
    return select(Plan).options(joinedload(Plan.service).joinedload(Service.category))


def _filtered(wanted: Wanted) -> Select[Plan]:
    found = _plans().join(Service, Service.id == Plan.service_id)
    if wanted.search.strip():
        columns = (Plan.name, Plan.description, Service.name, Service.slug)
        words = wanted.search.strip()
        found = found.where(or_(*(column.icontains(words, autoescape=True) for column in columns)))
    if wanted.is_active is not None:
        found = found.where(Plan.is_active.is_(wanted.is_active))
    if wanted.category_slug:
        found = found.where(Service.category_id.in_(browsing.within(wanted.category_slug)))
    if wanted.service_id is not None:
        found = found.where(Plan.service_id == wanted.service_id)
    if wanted.plan_type is not None:
        found = found.where(Plan.plan_type == wanted.plan_type)
    if wanted.level is not None:
        found = found.where(is_of(wanted.level))
    return found


def _is_taken(percent: int) -> ColumnElement[bool]:
    return (Plan.used_quota * 100 >= percent * Plan.total_quota) & (Plan.used_quota > 0)
