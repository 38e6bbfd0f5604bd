"""Plans for administrators: list, add, change, price, switch, delete: under /api/v1/admin/services."""

from typing import Any

from flask import g

from minispod.api.envelope import Answer
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.staff_catalog import (
    AllPlansOut,
    DeleteQuery,
    OnePlanOut,
    PlanChangesIn,
    PlanIn,
    PlansOfServiceOut,
    PlansQuery,
    PriceFor,
    RepricedPlanOut,
    ShownPlanOut,
)
from minispod.api.staff.catalog import door, is_active, plan_row, terms_of
from minispod.catalog import planning, queries
from minispod.catalog.errors import NothingGiven
from minispod.catalog.models import Plan
from minispod.catalog.queries import Wanted
from minispod.insights import catalogue
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import announcing

# What a blank clears; whatever else is blank stays as it is, on a new plan as it is by default.
_EMPTY: dict[str, Any] = {"description": None, "features": []}


@door.get("/plans")
@requires_staff
@door.arguments(PlansQuery, location="query")
@door.answers(200, AllPlansOut, message="All service plans retrieved successfully")
def list_plans(query: dict[str, Any]) -> dict[str, Any]:
    """List all plans of all services, on sale or not."""
    wanted = Wanted(
        search=query["search"] or "",
        is_active=is_active(query["status"]),
        category_slug=query["category"],
        service_id=parse_id(query["service_id"]) if query["service_id"] else None,
        plan_type=query["plan_type"],
    )
    page = queries.list_plans(
        wanted_page(query), wanted, by=query["sort_by"], downward=query["sort_order"] == "desc"
    )
    sold = catalogue.sold_by_plan([plan.id for plan in page.items])
    rows = [{**plan_row(plan, sold), "service": plan.service} for plan in page.items]
    return {"plans": rows, "pagination": pagination(page)}


@door.get("/<service_id>/plans")
@requires_staff
@door.answers(200, PlansOfServiceOut, message="Service plans retrieved successfully")
def list_plans_of_service(service_id: str) -> dict[str, Any]:
    """List all plans of one service."""
    service = queries.get_service(parse_id(service_id))
    sold = catalogue.sold_by_plan([plan.id for plan in service.plans])
    return {"service": service, "plans": [plan_row(plan, sold) for plan in service.plans]}


@door.post("/<service_id>/plans")
@requires_staff
@door.arguments(PlanIn)
@door.answers(201, OnePlanOut, message="Service plan created successfully")
def create_plan(body: dict[str, Any], service_id: str) -> dict[str, Any]:
    """Add a plan to a service: one of each type."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        made = planning.add_plan(
            parse_id(service_id), terms_of(body, _EMPTY), actor=g.actor, at=ports.clock.now()
        )
    return {"plan": _with_service(queries.get_plan(made.id))}


@door.get("/<service_id>/plans/<plan_id>")
@requires_staff
@door.answers(200, ShownPlanOut, message="Service plan details retrieved successfully")
def show_plan(service_id: str, plan_id: str) -> dict[str, Any]:
    """Show one plan."""
    plan = _of_service(service_id, plan_id)
    row = plan_row(plan, catalogue.sold_by_plan([plan.id]))
    return {"plan": {**row, "service": plan.service}}


@door.put("/plans/<plan_id>")
@requires_staff
@door.arguments(PlanChangesIn)
@door.answers(200, RepricedPlanOut, message="Service plan updated successfully")
def change_any_plan(body: dict[str, Any], plan_id: str) -> dict[str, Any]:
    """Change a plan of whatever service, as under its service."""
    return _change(body, plan_id)


@door.put("/<service_id>/plans/<plan_id>")
@requires_staff
@door.arguments(PlanChangesIn)
@door.answers(200, RepricedPlanOut, message="Service plan updated successfully")
def change_plan(body: dict[str, Any], service_id: str, plan_id: str) -> dict[str, Any]:
    """Change what is given; `applyPriceTo` says for whom a changed price holds.

    The plan is found by its own id, whatever service the path names.
    """
    # The front end sends the service that was opened last (contract, L3).
    return _change(body, plan_id)


@door.patch("/<service_id>/plans/<plan_id>/toggle-status")
@requires_staff
@door.answers(200, OnePlanOut, message="Service plan activated successfully")
def toggle_plan(service_id: str, plan_id: str) -> Any:
    """Take a plan off sale, or offer it again; what customers have goes on either way."""
    ports = current_ports()
    found = _of_service(service_id, plan_id)
    with unit_of_work(ports.courier):
        made = planning.toggle_plan(found.id, actor=g.actor, at=ports.clock.now())
    word = "activated" if made.is_active else "deactivated"
    return Answer(
        {"plan": _with_service(queries.get_plan(made.id))}, message=f"Service plan {word} successfully"
    )


@door.delete("/<service_id>/plans/<plan_id>")
@requires_staff
@door.arguments(DeleteQuery, location="query")
@door.answers(200, message="Service plan deleted successfully")
def delete_plan(query: dict[str, Any], service_id: str, plan_id: str) -> None:
    """Delete a plan that nobody ever had; refused otherwise, with `force` too."""
    ports = current_ports()
    found = _of_service(service_id, plan_id)
    with unit_of_work(ports.courier):
        planning.delete_plan(found.id, actor=g.actor, at=ports.clock.now())


def _change(body: dict[str, Any], plan_id: str) -> dict[str, Any]:
    applies_to = body.pop("apply_price_to")
    if not body and applies_to is None:
        raise NothingGiven()
    ports = current_ports()
    with unit_of_work(ports.courier):
        changed = planning.change_plan(
            parse_id(plan_id),
            terms_of(body, _EMPTY),
            for_existing=None if applies_to is None else applies_to is PriceFor.EXISTING,
            actor=g.actor,
            at=ports.clock.now(),
        )
    plan = queries.get_plan(changed.plan.id)
    answer: dict[str, Any] = {"plan": _with_service(plan)}
    if plan.monthly_price != changed.old_price or applies_to is not None:
        answer["price_change"] = {
            "old_price": changed.old_price,
            "new_price": plan.monthly_price,
            "applies_to": applies_to or PriceFor.NEW,
            "existing_subscriptions": announcing.count_older_prices(plan.id),
        }
    return answer


def _of_service(service_id: str, plan_id: str) -> Plan:
    return queries.get_plan(parse_id(plan_id), service_id=parse_id(service_id))


def _with_service(plan: Plan) -> dict[str, Any]:
    return {**plan_row(plan), "service": plan.service}


__all__ = ["door"]
