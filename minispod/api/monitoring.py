"""Usage, uptime, events and logs of one's own instance: /api/v1/subscriptions/<id>/..."""

from datetime import timedelta
from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.schemas.monitoring import (
    EventsOut,
    LogOut,
    LogQuery,
    MetricsOut,
    UptimeOut,
    UsageHistoryOut,
    UsageQuery,
)
from minispod.cluster.events import WorkloadEvent
from minispod.cluster.port import ClusterUnavailable
from minispod.instances import looking
from minispod.instances.errors import NoSuchInstance, NothingMeasured
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.instances.uptime.reckoning import get_uptime
from minispod.instances.usage.history import NOT_MEASURED, get_history
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection
from minispod.ports import current_ports, current_settings
from minispod.rules import uptime_rules
from minispod.subscriptions import queries

door = Door(
    "monitoring",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="How an instance is doing: usage, uptime, events, logs",
)

# Figures that are older say nothing about now.
_NOW = timedelta(minutes=2)


def _instance(subscription_id: str) -> Instance:
    owned = queries.get_subscription(parse_id(subscription_id), actor=g.actor)
    if owned.instance is None:
        raise NoSuchInstance()
    return owned.instance


@door.get("/<subscription_id>/metrics")
@requires_sign_in
@door.answers(200, MetricsOut, message="Metrics retrieved successfully")
def show_metrics(subscription_id: str) -> dict[str, Any]:
    """Show what the instance uses now; 404 when nothing is measured, 503 when the cluster has been silent."""
    instance = _instance(subscription_id)
    cpu, memory, looked_at = instance.cpu_usage, instance.memory_usage, instance.last_health_check_at
    if instance.status is not InstanceStatus.RUNNING or cpu is None or memory is None or looked_at is None:
        raise NothingMeasured()
    if current_ports().clock.now() - looked_at > _NOW:
        raise ClusterUnavailable()
    return {
        "instance_id": instance.id,
        "status": instance.status.value,
        "cpu": _meter(cpu, instance.cpu_milli),
        "memory": _meter(memory, instance.memory_mb),
        "timestamp": looked_at,
    }


def _meter(usage: float, limit: int) -> dict[str, Any]:
    return {"usage": usage, "limit": limit, "percentage": round(usage * 100 / limit)}


@door.get("/<subscription_id>/usage")
@requires_sign_in
@door.arguments(UsageQuery, location="query")
@door.answers(200, UsageHistoryOut, message="Usage retrieved successfully")
def show_usage(query: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Show the usage of the last 24 hours, 7 days, 30 days or 12 months, in 96, 84, 120 or 73 points."""
    instance, at = _instance(subscription_id), current_ports().clock.now()
    found = get_history(instance.id, query["range"], actor=g.actor, at=at)
    note = NOT_MEASURED
    return {
        "range": found.range.value,
        "step_seconds": int(found.step.total_seconds()),
        "limits": {"cpu": found.cpu_limit, "memory": found.memory_limit, "storage": found.storage_limit},
        "storage_measured": found.is_storage_measured,
        "storage_note": None if found.is_storage_measured else {"en": note.english, "id": note.indonesian},
        "points": found.points,
    }


@door.get("/<subscription_id>/uptime")
@requires_sign_in
@door.answers(200, UptimeOut, message="Uptime retrieved successfully")
def show_uptime(subscription_id: str) -> dict[str, Any]:
    """Show the uptime of each month since it first ran, 13 at most."""
    rules, at = uptime_rules(current_settings()), current_ports().clock.now()
    months = get_uptime(_instance(subscription_id).id, rules=rules, actor=g.actor, at=at)
    return {
        "target": rules.target,
        "months": [
            {
                "month": month.month.isoformat()[:7],
                "percent": month.percent,
                "is_met": None if month.percent is None else month.percent >= rules.target,
                "up_seconds": month.up,
                "down_seconds": month.down,
                "unknown_seconds": month.unknown,
            }
            for month in months
        ],
    }


@door.get("/<subscription_id>/events")
@requires_sign_in
@limiter.limit("60 per minute")
@door.answers(200, EventsOut, message="Events retrieved successfully")
def list_events(subscription_id: str) -> dict[str, Any]:
    """Say what happened to the instance lately, in plain words; 503 when the cluster is silent."""
    subject = looking.Subject.of(_instance(subscription_id))
    release_connection()
    return {"events": [_event(each) for each in looking.read_events(subject, current_ports().cluster)]}


def _event(event: WorkloadEvent) -> dict[str, Any]:
    """What a customer sees; the cluster's own words stay with staff."""
    words = event.words
    return {
        "at": event.at,
        "reason": event.reason,
        "severity": "warning" if event.is_warning else "info",
        "count": event.count,
        "container": event.container,
        "text": {"en": words.english, "id": words.indonesian},
        "advice": {"en": words.advice_english, "id": words.advice_indonesian},
        "log_lines": event.log_lines,
    }


@door.get("/<subscription_id>/logs")
@requires_sign_in
@limiter.limit("60 per minute")
@door.arguments(LogQuery, location="query")
@door.answers(200, LogOut, message="Log retrieved successfully")
def show_log(query: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Show the last lines a container wrote, now or before it was last started again."""
    subject = looking.Subject.of(_instance(subscription_id))
    release_connection()
    found = looking.read_log(
        subject,
        current_ports().cluster,
        container=query["container"],
        lines=query["lines"],
        previous=query["previous"],
    )
    return {
        "container": found.container,
        "containers": subject.containers,
        "previous": found.previous,
        "lines": found.lines,
    }
