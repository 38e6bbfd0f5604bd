"""Nodes: the picture as last seen, how old it is, and each node's history. Asks no cluster itself."""

from datetime import timedelta
from typing import Any

from flask import abort

from minispod.admin import charts, pages
from minispod.admin.door import door
from minispod.cluster import monitoring
from minispod.insights import today as insight
from minispod.insights.outlook import look_ahead
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules

_SPANS = {"6h": timedelta(hours=6), "24h": timedelta(days=1), "7d": timedelta(days=7)}


@door.get("/nodes")
def nodes() -> Any:
    """Show all nodes as last seen."""
    picture = monitoring.last_picture()
    return pages.live_fragment(
        "admin/nodes/page.html",
        "admin/nodes/_live.html",
        picture=picture,
        used=insight.utilisation(picture.nodes),
        outlook=look_ahead(business_rules(current_settings()).capacity),
        at=current_ports().clock.now(),
    )


@door.get("/nodes/<name>")
def node(name: str) -> Any:
    """Show one node with its history."""
    at = current_ports().clock.now()
    picture = monitoring.last_picture()
    span = pages.one_of(_SPANS, "span", "24h")
    readings = monitoring.node_history(name, at - _SPANS[span])
    now = next((each for each in picture.nodes if each.name == name), None)
    if now is None and not readings:
        abort(404)
    return pages.page_or_fragment(
        "admin/nodes/one.html",
        "admin/nodes/one.html",
        name=name,
        node=now,
        picture=picture,
        readings=readings,
        spans=_SPANS,
        span=span,
        cpu=charts.node_lines(readings, "cpu", since=at - _SPANS[span], until=at),
        memory=charts.node_lines(readings, "memory", since=at - _SPANS[span], until=at),
        at=at,
    )
