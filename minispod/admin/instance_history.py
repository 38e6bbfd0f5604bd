"""What happened to one instance, on one axis and in words."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.admin.monitoring import find_sold
from minispod.insights.activity import named
from minispod.insights.instance_history import Kind, Span, history_of
from minispod.ports import current_ports


@door.get("/instances/<instance_id>/history")
def instance_history(instance_id: str) -> Any:
    """Wishes, outages, restarts and operations of a day, a week or a month."""
    sold = find_sold(instance_id)
    at = current_ports().clock.now()
    span = pages.chosen(Span, "span") or Span.DAY
    history = history_of(sold.instance.id, span, at)
    lines = {each.entry.id: each for each in named([one.entry for one in history.moments if one.entry])}
    return pages.live_fragment(
        "admin/instances/history.html",
        "admin/instances/_history.html",
        every=15,
        sold=sold,
        history=history,
        lines=lines,
        kinds=Kind,
        span=span,
        spans=Span,
        at=at,
    )
