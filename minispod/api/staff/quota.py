"""The slots of plans for administrators: how full they are, and how many there are: /api/v1/admin/quota."""

from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.quota import (
    ChangedQuotaOut,
    ChangedQuotasOut,
    QuotaIn,
    QuotaOverviewOut,
    QuotaQuery,
    QuotasIn,
    QuotaStatisticsOut,
    ShownQuotaOut,
)
from minispod.api.staff.catalog import plan_row
from minispod.catalog import queries, quota
from minispod.catalog.errors import QuotaNamedTwice
from minispod.catalog.models import Plan
from minispod.catalog.queries import Wanted, level_of, utilization
from minispod.insights import catalogue
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports

door = Door("staff_quota", __name__, url_prefix="/api/v1/admin/quota", description="Slots of plans")


@door.get("/statistics")
@requires_staff
@door.answers(200, QuotaStatisticsOut, message="Quota statistics retrieved successfully")
def show_statistics() -> dict[str, Any]:
    """How full all plans are, and which are nearly or quite sold out."""
    found = catalogue.slots()
    return {
        "statistics": {
            "overview": {
                "total_plans": found.plans,
                "total_quota": found.total,
                "total_used_quota": found.used,
                "total_available_quota": found.total - found.used,
                "overall_utilization": utilization(found.used, found.total),
            },
            "alerts": {
                "critical_plans": found.critical,
                "warning_plans": found.warning,
                "critical_plans_list": [_alert(plan) for plan in found.critical_plans],
                "warning_plans_list": [_alert(plan) for plan in found.warning_plans],
            },
        }
    }


@door.get("/overview")
@requires_staff
@door.arguments(QuotaQuery, location="query")
@door.answers(200, QuotaOverviewOut, message="Quota overview retrieved successfully")
def list_quotas(query: dict[str, Any]) -> dict[str, Any]:
    """List all plans with their slots, by service and name; `status` picks those of one level."""
    wanted = Wanted(search=query["search"] or "", level=query["status"])
    page = queries.list_by_service(wanted_page(query), wanted)
    return {"quota_overview": [_line(plan) for plan in page.items], "pagination": pagination(page)}


@door.get("/plans/<plan_id>")
@requires_staff
@door.answers(200, ShownQuotaOut, message="Plan quota details retrieved successfully")
def show_quota(plan_id: str) -> dict[str, Any]:
    """Show the slots of one plan, and who holds them."""
    plan = queries.get_plan(parse_id(plan_id))
    holders = [
        {
            "id": row.id,
            "user": user,
            "status": row.status.value,
            "created_at": row.created_at,
            "next_billing": row.next_billing_at,
        }
        for row, user in catalogue.live_of(plan.id).items
    ]
    line = {
        "total": plan.total_quota,
        "used": plan.used_quota,
        "available": plan.available_quota,
        "utilization_percentage": utilization(plan.used_quota, plan.total_quota),
    }
    return {"quota_details": {"plan": plan, "quota": line, "active_subscriptions": holders}}


@door.put("/plans/<plan_id>")
@requires_staff
@door.arguments(QuotaIn)
@door.answers(200, ChangedQuotaOut, message="Plan quota updated successfully")
def set_quota(body: dict[str, Any], plan_id: str) -> dict[str, Any]:
    """Set how many slots a plan has; never fewer than are taken."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        made = quota.set_total(
            parse_id(plan_id),
            body["total_quota"],
            reason=body["reason"],
            actor=g.actor,
            at=ports.clock.now(),
        )
    plan = queries.get_plan(made.id)
    return {"plan": {**plan_row(plan), "service": plan.service}}


@door.put("/bulk-update")
@requires_staff
@door.arguments(QuotasIn)
@door.alt_response(404, response="NOT_FOUND")
@door.answers(200, ChangedQuotasOut, message="Bulk quota update completed successfully")
def set_quotas(body: dict[str, Any]) -> dict[str, Any]:
    """Set the slots of several plans: of all, or, if one cannot be set, of none; `data.validationErrors` says why."""
    ports = current_ports()
    totals = {parse_id(each["plan_id"]): each["total_quota"] for each in body["updates"]}
    if len(totals) != len(body["updates"]):
        raise QuotaNamedTwice()
    with unit_of_work(ports.courier):
        plans = quota.set_totals(totals, reason=body["reason"], actor=g.actor, at=ports.clock.now())
    return {"updated_plans": [plan_row(plan) for plan in plans]}


def _alert(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "name": plan.name,
        "service_name": plan.service.name,
        "utilization": utilization(plan.used_quota, plan.total_quota),
    }


def _line(plan: Plan) -> dict[str, Any]:
    return {
        "plan_id": plan.id,
        "plan_name": plan.name,
        "service": plan.service,
        "total_quota": plan.total_quota,
        "used_quota": plan.used_quota,
        "available_quota": plan.available_quota,
        "utilization_percentage": utilization(plan.used_quota, plan.total_quota),
        "status": level_of(plan),
    }
