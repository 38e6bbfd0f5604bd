"""How one instance is doing: usage and uptime from our own figures, events from the cluster.

What the cluster says is asked with no connection held; its silence is said where the answer would be.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from minispod.admin import charts, guard, pages
from minispod.admin.door import door
from minispod.cluster.monitoring import last_picture
from minispod.insights import fleet
from minispod.insights.fleet import Sold
from minispod.instances import looking
from minispod.instances.looking import Subject
from minispod.instances.uptime.reckoning import get_uptime
from minispod.instances.usage.history import NOT_MEASURED, Range, get_history
from minispod.kernel.errors import Conflict, Unavailable
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules, uptime_rules

T = TypeVar("T")


@door.get("/instances/<instance_id>/usage")
def instance_usage(instance_id: str) -> Any:
    """What it used over time, and how much of each month it was there."""
    sold = find_sold(instance_id)
    at, rules = current_ports().clock.now(), uptime_rules(current_settings())
    span = pages.chosen(Range, "span") or Range.DAY
    history = get_history(sold.instance.id, span, actor=guard.actor(), at=at)
    return pages.page_or_fragment(
        "admin/instances/usage.html",
        "admin/instances/_usage.html",
        sold=sold,
        spans=Range,
        span=span,
        charts={
            title: charts.usage_lines(history, what, zone=business_rules(current_settings()).zone)
            for title, what in (("CPU", "cpu"), ("Memory", "memory"), ("Storage", "storage"))
        },
        storage_note=None if history.is_storage_measured else _why_no_storage(),
        months=get_uptime(sold.instance.id, rules=rules, actor=guard.actor(), at=at),
        target=rules.target,
        duration=_duration,
    )


@door.get("/instances/<instance_id>/events")
def instance_events(instance_id: str) -> Any:
    """What happened to it lately, in words, with what the cluster itself said."""
    sold = find_sold(instance_id)
    subject = Subject.of(sold.instance)
    events, problem = ask_cluster(lambda: looking.read_events(subject, current_ports().cluster))
    return pages.page_or_fragment(
        "admin/instances/events.html",
        "admin/instances/_events.html",
        sold=sold,
        events=events or (),
        problem=problem,
        at=current_ports().clock.now(),
    )


def _duration(seconds: int) -> str:
    return str(timedelta(seconds=seconds))


def _why_no_storage() -> str:
    refusal = last_picture().storage_refusal
    return f"The use of storage is not measured. {refusal}" if refusal else NOT_MEASURED.english


def find_sold(instance_id: str) -> Sold:
    """The instance of an address, for its pages."""
    return fleet.get_sold(parse_id(instance_id), actor=guard.actor())


def ask_cluster(question: Callable[[], T]) -> tuple[T | None, str | None]:
    """The cluster's answer, or why there is none."""
    release_connection()
    try:
        return question(), None
    except (Unavailable, Conflict) as silence:
        return None, silence.message
