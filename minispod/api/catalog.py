"""The public catalogue: /api/v1/catalog. No token is needed; answers have ETags (freshness)."""

from collections.abc import Sequence
from typing import Any

from minispod.api.envelope import Door
from minispod.api.freshness import fresh
from minispod.api.guard import is_staff_looking
from minispod.api.schemas.base import PageQuery, pagination, wanted_page
from minispod.api.schemas.catalog import (
    CatalogQuery,
    CategoryOut,
    CategoryServicesOut,
    FeaturedQuery,
    FeaturedServiceOut,
    FoundServicesOut,
    ServiceDetailOut,
    ServicePlansOut,
    ServicesOut,
)
from minispod.api.stock import with_places
from minispod.catalog import browsing, showing
from minispod.catalog.showing import ShownService
from minispod.kernel.paging import Page, PageRequest

door = Door("catalog", __name__, url_prefix="/api/v1/catalog", description="What is for sale")


def _services(page: Page[ShownService]) -> dict[str, Any]:
    return {"services": with_places(page.items), "pagination": pagination(page)}


def _service(slug: str) -> ShownService:
    return with_places([showing.get_service(slug)])[0]


@door.get("/services")
@fresh(door)
@door.arguments(PageQuery, location="query")
@door.answers(200, ServicesOut, message="All services retrieved successfully")
def list_services(query: dict[str, Any]) -> dict[str, Any]:
    """List the services for sale with their plans."""
    return _services(showing.list_services(wanted_page(query)))


@door.get("/search")
@fresh(door)
@door.arguments(CatalogQuery, location="query")
@door.answers(200, FoundServicesOut, message="Search results retrieved successfully")
def search_services(query: dict[str, Any]) -> dict[str, Any]:
    """Search name, description and tags of the services for sale."""
    page = showing.list_services(
        wanted_page(query), search=query["q"], category_slug=query["category"], featured=query["featured"]
    )
    return {**_services(page), "total_count": page.total, "has_more": page.has_next}


@door.get("/featured")
@fresh(door)
@door.arguments(FeaturedQuery, location="query")
@door.answers(200, FeaturedServiceOut(many=True), message="Featured services retrieved successfully")
def list_featured_services(query: dict[str, Any]) -> Sequence[ShownService]:
    """List the featured services, each with its cheapest plan."""
    return with_places(showing.list_services(PageRequest(1, query["limit"]), featured=True).items)


@door.get("/services/<slug>")
@fresh(door)
@door.answers(200, ServiceDetailOut, message="Service details retrieved successfully")
def get_service(slug: str) -> ShownService:
    """Show one service for sale."""
    return _service(slug)


@door.get("/services/<slug>/plans")
@fresh(door)
@door.answers(200, ServicePlansOut, message="Service plans retrieved successfully")
def get_service_plans(slug: str) -> dict[str, Any]:
    """List the plans of one service."""
    service = _service(slug)
    return {
        "service_id": service.id,
        "service_name": service.name,
        "service_slug": service.slug,
        "plans": service.plans,
    }


@door.get("/categories")
@door.doc(security=[{}, {"bearer": []}])
@fresh(door, differs_for_staff=True)
@door.answers(200, CategoryOut(many=True), message="Service categories retrieved successfully")
def list_categories() -> list[dict[str, Any]]:
    """List the categories that hold something for sale; administrators see the empty ones too."""
    return [
        {
            "id": category.id,
            "name": category.name,
            "slug": category.slug,
            "description": category.description,
            "parent_id": category.parent_id,
            "sort_order": category.sort_order,
            "created_at": category.created_at,
            "updated_at": category.updated_at,
            "count": {"services": services},
        }
        for category, services in browsing.list_categories(with_empty=is_staff_looking())
    ]


@door.get("/categories/<slug>/services")
@fresh(door)
@door.arguments(PageQuery, location="query")
@door.answers(200, CategoryServicesOut, message="Services retrieved successfully")
def list_category_services(query: dict[str, Any], slug: str) -> dict[str, Any]:
    """List the services of one category."""
    category = browsing.get_category(slug)
    page = showing.list_services(wanted_page(query), category_slug=slug)
    names = {name: getattr(category, name) for name in ("id", "name", "slug", "description")}
    return {"category": category, **names, **_services(page)}
