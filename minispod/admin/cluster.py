"""Nodes: the picture as last seen, each node's history, and what becomes of what was on a lost one. Asks no cluster."""

from functools import partial
from typing import Any

from flask import abort, flash

from minispod.admin import charts, guard, pages
from minispod.admin.cluster_lists import TITLES
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.languages import said
from minispod.cluster import history, monitoring, outages, spells
from minispod.cluster.history import Span
from minispod.insights import today as insight
from minispod.insights.advice import advise
from minispod.insights.outlook import look_ahead
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import node_loss
from minispod.operations.nodes import queries as node_operations
from minispod.ports import current_ports, current_settings
from minispod.rules import alert_thresholds, business_rules


@door.get("/nodes")
def nodes() -> Any:
    """Show all nodes as last seen."""
    picture = monitoring.last_picture()
    outlook = look_ahead(business_rules(current_settings()).capacity, picture)
    return pages.live_fragment(
        "admin/nodes/page.html",
        "admin/nodes/_live.html",
        picture=picture,
        used=insight.utilisation(picture.nodes),
        outlook=outlook,
        advice=advise(picture.nodes, outlook, alert_thresholds(current_settings())),
        lists=TITLES,
        at=current_ports().clock.now(),
    )


@door.get("/nodes/<name>")
def node(name: str) -> Any:
    """Show one node with its history."""
    at = current_ports().clock.now()
    picture = monitoring.last_picture()
    span = pages.chosen(Span, "span") or Span.DAY
    since, zone = at - history.length_of(span), business_rules(current_settings()).zone
    readings = history.node_history(name, span, at)
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
        outage=outages.outage_of(name),
        touched=node_loss.touched_by(name),
        live=node_operations.live_on(name),
        done=[each for each in node_operations.newest(name) if not each.is_live],
        evacuates_after=current_settings().data.evacuate_after_minutes,
        spans=list(Span),
        span=span,
        spells=spells.list_spells(name, since),
        cpu=charts.node_lines(readings, "cpu", since=since, until=at, zone=zone),
        memory=charts.node_lines(readings, "memory", since=since, until=at, zone=zone),
        at=at,
    )


@door.post("/nodes/<name>/evacuate")
def evacuate_node(name: str) -> Any:
    """Have everything that is tied to a lost node restored elsewhere from its newest backup."""
    ports = current_ports()
    asked, refused = node_loss.evacuate(
        name,
        transaction=partial(unit_of_work, ports.courier),
        actor=guard.actor(),
        at=ports.clock.now(),
    )
    flash(_("Instances being restored on other nodes: %(asked)s.", asked=asked), "good" if asked else "warn")
    for instance_name, reason in refused:
        flash(f"{instance_name}: {said(reason)}", "bad")
    return pages.back()


@door.post("/instances/<instance_id>/evacuate")
def evacuate_instance(instance_id: str) -> Any:
    """Have one instance of a lost node restored elsewhere from its newest backup."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        node_loss.evacuate_one(parse_id(instance_id), actor=guard.actor(), at=ports.clock.now())
    flash(_("It is being restored on another node from its newest backup."), "good")
    return pages.back()
