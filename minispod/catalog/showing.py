"""What the shop shows: services for sale with their active plans. Recipes and secrets never leave through here.

Whoever comes sees it, so it is read without the session's objects, in one statement that is made once (decision 4).
"""

import uuid
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from minispod.catalog.browsing import mentions, within
from minispod.catalog.errors import NoSuchService
from minispod.catalog.models import Category, Plan, PlanType, Service
from minispod.kernel.database import counted, counted_page, find, table_of
from minispod.kernel.ids import known_id
from minispod.kernel.money import Rupiah
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.questions import Question


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
    places_left: int = 0
    """How many more can be ordered now: noted by whoever knows the machines too (decision 21)."""

    @property
    def available_quota(self) -> int:
        """Slots that are not taken."""
        return self.total_quota - self.used_quota

    @property
    def has_places(self) -> bool:
        """Whether one more can be ordered now."""
        return self.places_left > 0


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
_OF_PLAN = [each.name for each in fields(ShownPlan) if each.name != "places_left"]

# Each as a list of its facts: as rows beside their service they would repeat it.
_PLANS = (
    select(
        func.json_agg(
            aggregate_order_by(
                func.json_build_array(*(_plan.c[name] for name in _OF_PLAN)), _plan.c.sort_order, _plan.c.id
            )
        )
    )
    .where(_plan.c.service_id == _service.c.id, _plan.c.is_active.is_(True))
    .scalar_subquery()
)
_FOR_SALE = (
    select(
        *(_service.c[name] for name in _OF_SERVICE),
        *(_category.c[name].label(f"{name}_of_category") for name in _OF_CATEGORY),
        _PLANS.label("plans"),
    )
    .join_from(_service, _category, _category.c.id == _service.c.category_id)
    .where(_service.c.is_active.is_(True), _service.c.is_public.is_(True))
    .order_by(_service.c.is_featured.desc(), _service.c.sort_order, _service.c.name)
)
_LIST = counted(_FOR_SALE)
_SHOWN = Question(_LIST)
_ONE = Question(_FOR_SALE.where(_service.c.slug == bindparam("slug")))


def list_services(
    page: PageRequest, *, category_slug: str | None = None, search: str = "", featured: bool | None = None
) -> Page[ShownService]:
    """List what is for sale with its active plans: featured first, then by order and name.

    A category holds what lies in the categories below it too.
    """
    wanted = _LIST
    if category_slug:
        wanted = wanted.where(_service.c.category_id.in_(within(category_slug)))
    if search.strip():
        wanted = wanted.where(mentions(search.strip()))
    if featured is not None:
        wanted = wanted.where(_service.c.is_featured.is_(featured))
    found = counted_page(_SHOWN if wanted is _LIST else wanted, {}, page)
    return replace(found, items=[_shown(row) for row in found.items])


def get_service(slug: str) -> ShownService:
    """One service for sale with its active plans; raise NoSuchService."""
    rows = find(_ONE, {"slug": slug})
    if not rows:
        raise NoSuchService()
    return _shown(rows[0])


def _shown(row: Any) -> ShownService:
    end = len(_OF_SERVICE)
    category = ShownCategory(*row[end : end + len(_OF_CATEGORY)])
    facts: Any = (*row[:end], category, [_shown_plan(*each) for each in row.plans or ()])
    return ShownService(*facts)


def _shown_plan(plan_id: str, name: str, plan_type: str, *facts: Any) -> ShownPlan:
    return ShownPlan(known_id(plan_id), name, PlanType(plan_type), *facts)
