"""What the shop shows: services for sale with their active plans. Recipes and secrets never leave through here.

Whoever comes sees it, so it is read without the session's objects, in two statements that are made once (decision 4).
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from minispod.catalog.browsing import mentions, within
from minispod.catalog.errors import NoSuchService
from minispod.catalog.models import Category, Plan, PlanType, Service
from minispod.kernel.database import counted, counted_page, run, table_of
from minispod.kernel.money import Rupiah
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.prepared import among, prepared


@dataclass(slots=True)
class ShownCategory:
    """A category, as a service names it."""

    id: uuid.UUID
    name: str
    slug: str


@dataclass(slots=True)
class ShownPlan:
    """A plan for sale."""

    id: uuid.UUID
    name: str
    plan_type: PlanType
    description: str | None
    monthly_price: Rupiah
    cpu_milli: int
    memory_mb: int
    storage_gb: int
    bandwidth: int
    features: list[Any]
    max_instances_per_user: int
    max_domains: int
    total_quota: int
    used_quota: int
    is_popular: bool

    @property
    def available_quota(self) -> int:
        """Slots that are not taken."""
        return self.total_quota - self.used_quota


@dataclass(slots=True)
class ShownService:
    """A service for sale."""

    id: uuid.UUID
    name: str
    slug: str
    description: str
    long_description: str | None
    icon: str | None
    version: str
    docker_image: str
    default_port: int
    category_id: uuid.UUID
    tags: list[Any]
    documentation: str | None
    is_active: bool
    is_public: bool
    is_featured: bool
    sort_order: int
    created_at: datetime
    updated_at: datetime
    category: ShownCategory
    plans: list[ShownPlan] = field(default_factory=list)

    @property
    def cheapest_plans(self) -> list[ShownPlan]:
        """The cheapest of its plans: none or one."""
        return sorted(self.plans, key=lambda plan: plan.monthly_price)[:1]


_service, _category, _plan = table_of(Service), table_of(Category), table_of(Plan)
_OF_SERVICE = [each.name for each in fields(ShownService) if each.name not in ("category", "plans")]
_OF_CATEGORY = [each.name for each in fields(ShownCategory)]
_OF_PLAN = [each.name for each in fields(ShownPlan)]

_FOR_SALE = (
    select(
        *(_service.c[name] for name in _OF_SERVICE),
        *(_category.c[name].label(f"category_{name}") for name in _OF_CATEGORY),
    )
    .join_from(_service, _category, _category.c.id == _service.c.category_id)
    .where(_service.c.is_active.is_(True), _service.c.is_public.is_(True))
    .order_by(_service.c.is_featured.desc(), _service.c.sort_order, _service.c.name)
)
_LIST = counted(_FOR_SALE)
_SHOWN = prepared(_LIST)
_ONE = prepared(_FOR_SALE.where(_service.c.slug == bindparam("slug")))
_PLANS = prepared(
    select(_plan.c.service_id, *(_plan.c[name] for name in _OF_PLAN))
    .where(among(_plan.c.service_id, "services"), _plan.c.is_active.is_(True))
    .order_by(_plan.c.sort_order)
)


def list_services(
    page: PageRequest, *, category_slug: str | None = None, search: str = "", featured: bool | None = None
) -> Page[ShownService]:
    """List what is for sale with its active plans: featured first, then by order and name.

    A category holds what lies in the categories below it too.
    """
    wanted = _LIST if search.strip() else _SHOWN
    if category_slug:
        wanted = wanted.where(_service.c.category_id.in_(within(category_slug)))
    if search.strip():
        wanted = wanted.where(mentions(search.strip()))
    if featured is not None:
        wanted = wanted.where(_service.c.is_featured.is_(featured))
    found = counted_page(wanted, {}, page)
    return replace(found, items=_with_plans(found.items))


def get_service(slug: str) -> ShownService:
    """One service for sale with its active plans; raise NoSuchService."""
    found = _with_plans(run(_ONE, {"slug": slug}))
    if not found:
        raise NoSuchService()
    return found[0]


def _with_plans(rows: Iterable[Any]) -> list[ShownService]:
    end = len(_OF_SERVICE)
    told = ((*row[:end], ShownCategory(*row[end : end + len(_OF_CATEGORY)])) for row in rows)
    services = [ShownService(*each) for each in told]
    plans = {service.id: service.plans for service in services}
    if plans:
        facts: list[Any]
        for service_id, *facts in run(_PLANS, {"services": list(plans)}):
            plans[service_id].append(ShownPlan(*facts))
    return services
