"""How healthy the instances are, for administrators: /api/v1/admin/health."""

from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_staff
from minispod.api.schemas.health import (
    HealthCheckOut,
    HealthFiguresOut,
    HealthFiguresQuery,
    HealthSummaryOut,
    InstanceHealthOut,
)
from minispod.cluster.port import ClusterUnavailable
from minispod.insights import fleet, instance_health
from minispod.insights.fleet import Sold
from minispod.insights.instance_health import Spread, is_healthy
from minispod.instances import observation
from minispod.instances.models import Instance
from minispod.instances.naming import object_names
from minispod.instances.states import HEALTHY
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports

door = Door(
    "staff_health", __name__, url_prefix="/api/v1/admin/health", description="The health of all instances"
)


@door.get("/summary")
@requires_staff
@door.answers(200, HealthSummaryOut, message="Health summary retrieved successfully")
def summary() -> dict[str, Any]:
    """Count the instances by state, and the looks of the last five minutes."""
    at = current_ports().clock.now()
    found = instance_health.summarise(at)
    return {
        "total_instances": found.total,
        "status_counts": found.by_status,
        "recent_health_checks": found.looked_at,
        "healthy_instances": found.healthy,
        "unhealthy_instances": found.looked_at - found.healthy,
        "last_updated": at,
    }


@door.get("/stats")
@requires_staff
@door.arguments(HealthFiguresQuery, location="query")
@door.answers(200, HealthFiguresOut, message="Health statistics retrieved successfully")
def figures(query: dict[str, Any]) -> dict[str, Any]:
    """Show the instances looked at within a range by service, and what all of them used in it."""
    at, range_ = current_ports().clock.now(), query["time_range"]
    found = instance_health.figures_of(range_, at)
    return {
        "time_range": range_.value,
        "total_instances": found.total,
        "healthy_instances": found.healthy,
        "unhealthy_instances": found.total - found.healthy,
        "health_percentage": round(found.healthy * 100 / found.total) if found.total else 0,
        "service_stats": {
            each.name: {"total": each.total, "healthy": each.healthy, "unhealthy": each.total - each.healthy}
            for each in found.services
        },
        "resource_stats": {"cpu": _spread(found.cpu), "memory": _spread(found.memory)},
        "last_updated": at,
    }


def _spread(spread: Spread) -> dict[str, int]:
    return {"average": spread.average, "max": spread.most, "min": spread.least}


@door.post("/check")
@requires_staff
@limiter.limit("6 per minute")
@door.answers(200, HealthCheckOut, message="Health check completed successfully")
def check() -> dict[str, Any]:
    """Look at the cluster now, as is done every few seconds anyway; a silent one is said in `error`."""
    ports = current_ports()
    at = ports.clock.now()
    release_connection()
    try:
        sightings, usages = ports.cluster.see_all(), ports.cluster.usages()
    except ClusterUnavailable as silence:
        nothing = {"instances_checked": 0, "healthy_instances": 0, "unhealthy_instances": 0}
        return {"success": False, "error": silence.message, **nothing}
    with unit_of_work(ports.courier):
        observation.apply_sightings(sightings, usages, at=at)
    watched = instance_health.list_watched()
    healthy = sum(is_healthy(each.instance) for each in watched)
    return {
        "success": True,
        "instances_checked": len(watched),
        "healthy_instances": healthy,
        "unhealthy_instances": len(watched) - healthy,
        "results": [_health_row(each) for each in watched],
        "timestamp": at,
    }


@door.get("/instances/<instance_id>")
@requires_staff
@door.answers(200, InstanceHealthOut, message="Instance health retrieved successfully")
def show_instance_health(instance_id: str) -> dict[str, Any]:
    """Show how one instance was when it was last looked at."""
    sold = fleet.get_sold(parse_id(instance_id), actor=g.actor)
    return _health_row(sold)


def _health_row(sold: Sold) -> dict[str, Any]:
    row = sold.instance
    return {
        "instance_id": row.id,
        "instance_name": row.name,
        "service_name": sold.service.name,
        "namespace": row.namespace,
        "status": row.status.value,
        "is_healthy": is_healthy(row),
        "health_status": row.health_status,
        "last_checked": row.last_health_check_at,
        "metrics": _metrics(row),
        "pods": [{"name": row.pod_name, "node_name": row.node_name, "restarts": row.restarts}]
        if row.pod_name
        else [],
        "deployment": None if row.is_gone else object_names(row.name).workload,
        "errors": [each for each in (_complaint(row), row.last_error) if each],
    }


def _metrics(row: Instance) -> dict[str, Any] | None:
    if row.cpu_usage is None or row.memory_usage is None:
        return None
    return {
        "cpu": {"usage": row.cpu_usage, "limit": row.cpu_milli},
        "memory": {"usage": row.memory_usage, "limit": row.memory_mb},
    }


def _complaint(row: Instance) -> str | None:
    return row.health_status if row.health_status != HEALTHY else None
