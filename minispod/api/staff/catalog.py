"""Services for administrators: list, add, change, switch, delete, figures: /api/v1/admin/services."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g

from minispod.api.envelope import Answer, Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.quota import CatalogStatisticsOut
from minispod.api.schemas.staff_catalog import (
    ChangedServiceOut,
    DeleteQuery,
    OneServiceOut,
    ServiceIn,
    ServicesQuery,
    ServiceTermsIn,
    ShownServiceOut,
    StaffServicesOut,
)
from minispod.catalog import curation, queries
from minispod.catalog.errors import NothingGiven
from minispod.catalog.models import Plan, Service
from minispod.catalog.queries import Wanted
from minispod.insights import catalogue
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import queries as subscriptions

door = Door("staff_catalog", __name__, url_prefix="/api/v1/admin/services", description="Services and plans")

_PLAN = (
    *("id", "service_id", "name", "plan_type", "description", "monthly_price", "is_price_for_all"),
    *("cpu_milli", "memory_mb", "storage_gb", "bandwidth", "total_quota", "used_quota", "features"),
    *("max_instances_per_user", "max_domains", "is_active", "is_popular", "sort_order"),
    *("created_at", "updated_at"),
)
_SERVICE = (
    *("id", "name", "slug", "description", "long_description", "icon", "documentation", "version"),
    *("docker_image", "default_port", "category_id", "tags", "is_active", "is_public", "is_featured"),
    *("sort_order", "created_at", "updated_at", "category"),
)
# What a blank clears; whatever else is blank stays as it is, on a new service as it is by default.
_EMPTY: dict[str, Any] = {
    "description": "",
    "long_description": None,
    "icon": None,
    "documentation": None,
    "tags": [],
}


@door.get("")
@requires_staff
@door.arguments(ServicesQuery, location="query")
@door.answers(200, StaffServicesOut, message="Services retrieved successfully")
def list_services(query: dict[str, Any]) -> dict[str, Any]:
    """List all services, on sale or not, with all their plans."""
    wanted = Wanted(
        search=query["search"] or "", is_active=is_active(query["status"]), category_slug=query["category"]
    )
    page = queries.list_services(
        wanted_page(query), wanted, by=query["sort_by"], downward=query["sort_order"] == "desc"
    )
    return {"services": _detailed(page.items), "pagination": pagination(page)}


@door.post("")
@requires_staff
@door.arguments(ServiceIn)
@door.answers(201, OneServiceOut, message="Service created successfully")
def create_service(body: dict[str, Any]) -> Any:
    """Add a service; without a recipe of its slug it can be kept, but not offered."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        made = curation.add_service(_terms(body), actor=g.actor, at=ports.clock.now())
    service = queries.get_service(made.id)
    row = service_row(service)
    message = "Service created successfully" + _about_recipe(service, body, is_new=True)
    return Answer({"service": row}, message=message)


@door.get("/statistics")
@requires_staff
@door.answers(200, CatalogStatisticsOut, message="Service statistics retrieved successfully")
def show_statistics() -> dict[str, Any]:
    """Count services, subscriptions and instances, and the services of each category."""
    found = catalogue.figures()
    return {
        "statistics": {
            "services": {
                "total": found.services,
                "active": found.active,
                "inactive": found.services - found.active,
            },
            "subscriptions": {"total": found.subscriptions},
            "instances": {"total": found.instances},
            "categories": [
                {"id": each.id, "name": each.name, "slug": each.slug, "service_count": number}
                for each, number in found.categories
            ],
        }
    }


@door.get("/<service_id>")
@requires_staff
@door.answers(200, ShownServiceOut, message="Service details retrieved successfully")
def show_service(service_id: str) -> dict[str, Any]:
    """Show one service, on sale or not, with all its plans."""
    return {"service": _detailed([queries.get_service(parse_id(service_id))])[0]}


@door.put("/<service_id>")
@requires_staff
@door.arguments(ServiceTermsIn)
@door.answers(200, ChangedServiceOut, message="Service updated successfully")
def change_service(body: dict[str, Any], service_id: str) -> Any:
    """Change what is given; null and "" clear texts, links and tags, and leave everything else as it is."""
    if not body:
        raise NothingGiven()
    ports = current_ports()
    with unit_of_work(ports.courier):
        made = curation.change_service(
            parse_id(service_id),
            _terms(body),
            is_kept=subscriptions.is_kept_of,
            actor=g.actor,
            at=ports.clock.now(),
        )
    service = queries.get_service(made.id)
    row = _detailed([service])[0]
    return Answer({"service": row}, message="Service updated successfully" + _about_recipe(service, body))


@door.patch("/<service_id>/toggle-status")
@requires_staff
@door.answers(200, OneServiceOut, message="Service activated successfully")
def toggle_service(service_id: str) -> Any:
    """Take a service off sale, or offer it again; what customers have goes on either way."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        made = curation.toggle_service(parse_id(service_id), actor=g.actor, at=ports.clock.now())
    word = "activated" if made.is_active else "deactivated"
    return Answer(
        {"service": service_row(queries.get_service(made.id))}, message=f"Service {word} successfully"
    )


@door.delete("/<service_id>")
@requires_staff
@door.arguments(DeleteQuery, location="query")
@door.answers(200, message="Service deleted successfully")
def delete_service(query: dict[str, Any], service_id: str) -> None:
    """Delete a service that nobody ever bought, with its plans; refused otherwise, with `force` too."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        curation.delete_service(parse_id(service_id), actor=g.actor, at=ports.clock.now())


def terms_of(body: Mapping[str, Any], empty: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says: a blank clears what can be `empty`, and leaves everything else as it is."""
    terms = {name: empty.get(name) if value is None else value for name, value in body.items()}
    return {name: value for name, value in terms.items() if value is not None or name in empty}


def is_active(word: str | None) -> bool | None:
    """What `active` and `inactive` mean in a filter."""
    return None if word is None else word == "active"


def plan_row(plan: Plan, sold: Mapping[Any, int] | None = None) -> dict[str, Any]:
    """A plan as the wire shows it; with what is `sold` of each plan, its part of that."""
    row = {name: getattr(plan, name) for name in _PLAN}
    if sold is None:
        return row
    return {
        **row,
        "count": {"subscriptions": sold.get(plan.id, 0)},
        "utilization": {
            "percentage": queries.utilization(plan.used_quota, plan.total_quota),
            "available": plan.available_quota,
        },
    }


def service_row(service: Service) -> dict[str, Any]:
    """A service as the wire shows it, without its plans."""
    row = {name: getattr(service, name) for name in _SERVICE}
    return {**row, "has_recipe": curation.find_recipe(service.slug) is not None}


def _detailed(services: Sequence[Service]) -> list[dict[str, Any]]:
    sold = catalogue.sold_by_plan([plan.id for service in services for plan in service.plans])
    subscribed = catalogue.sold_by_service([service.id for service in services])
    return [
        {
            **service_row(service),
            "plans": [plan_row(plan, sold) for plan in service.plans],
            "count": {"subscriptions": subscribed.get(service.id, 0)},
        }
        for service in services
    ]


def _terms(body: dict[str, Any]) -> dict[str, Any]:
    terms = terms_of(body, _EMPTY)
    if "category_id" in terms:
        terms["category_id"] = parse_id(str(terms["category_id"]))
    return terms


def _about_recipe(service: Service, body: dict[str, Any], *, is_new: bool = False) -> str:
    """What the administrator must know of the recipe besides."""
    if curation.find_recipe(service.slug) is None:
        return f". It stays inactive: there is no recipe called {service.slug}" if is_new else ""
    asked = [body.get(name) or getattr(service, name) for name in ("version", "docker_image", "default_port")]
    if asked != [service.version, service.docker_image, service.default_port]:
        return ". Image, version and port are those of its recipe"
    return ""
