"""Instances: the list, one of them with its history and credentials, and the four controls.

The controls record a wish and come back at once; the worker brings the cluster to it and the page follows.
"""

import uuid
from collections.abc import Callable
from typing import Any

from flask import flash, make_response, render_template

from minispod.admin import fleet_filter, guard, pages
from minispod.admin.domains import FACTS as DOMAIN_FACTS
from minispod.admin.door import door
from minispod.audit import trail
from minispod.catalog.models import PlanType
from minispod.cluster.monitoring import last_picture
from minispod.insights import data_of, fleet, fleet_lists
from minispod.insights.activity import named
from minispod.insights.fleet_lists import Match
from minispod.instances import controls, queries
from minispod.instances.domains.queries import list_domains
from minispod.instances.states import IN_TRANSITION, InstanceStatus
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import operating
from minispod.subscriptions.bulk import queries as bulk
from minispod.subscriptions.bulk.states import BulkAct

_TIMELINE = 20
_FOLLOW_SECONDS = 2
_LOOK_SECONDS = 10

_CONTROLS: dict[str, tuple[Callable[..., Any], str]] = {
    "start": (operating.start, "is starting"),
    "stop": (controls.stop, "is stopping; its data are kept"),
    "restart": (controls.restart, "is restarting"),
    "retry": (operating.retry, "is being tried again"),
}


@door.get("/instances")
def instances_list() -> Any:
    """List instances."""
    wanted = fleet_filter.asked_for()
    sorting, is_up = fleet_filter.sorted_by()
    return pages.live_fragment(
        "admin/instances/page.html",
        "admin/instances/_list.html",
        frame="admin/_live_list.html",
        found=fleet_lists.list_fleet(pages.page_request(), wanted, sorting=sorting, is_up=is_up),
        wanted=wanted,
        sorting=sorting,
        is_up=is_up,
        choices=fleet_lists.find_choices(),
        statuses=InstanceStatus,
        plans=PlanType,
        matches=Match,
        acts=BulkAct,
        batches=bulk.count_live(),
        silent_since=last_picture().silent_since,
    )


@door.get("/instances/<instance_id>")
def instance(instance_id: str) -> Any:
    """Show one instance; the upper part follows its state."""
    facts = _facts(parse_id(instance_id))
    every = _FOLLOW_SECONDS if facts["is_moving"] else _LOOK_SECONDS
    return pages.live_fragment("admin/instances/one.html", "admin/instances/_live.html", every=every, **facts)


@door.post("/instances/<instance_id>/access")
def show_access(instance_id: str) -> Any:
    """Show the credentials once, on this answer only; the showing is written into the audit book."""
    ports = current_ports()
    id_ = parse_id(instance_id)
    with unit_of_work(ports.courier):
        access = queries.show_access(id_, sealer=ports.sealer, actor=guard.actor(), at=ports.clock.now())
    sold = fleet.get_sold(id_, actor=guard.actor())
    return make_response(render_template("admin/instances/access.html", sold=sold, access=access))


@door.post("/instances/<instance_id>/<any(start, stop, restart, retry):act>")
def control_instance(instance_id: str, act: str) -> Any:
    """Record the wish; a state in which it makes no sense is said in a sentence."""
    ports = current_ports()
    id_ = parse_id(instance_id)
    do, what = _CONTROLS[act]
    with unit_of_work(ports.courier):
        do(id_, actor=guard.actor(), at=ports.clock.now())
    name = queries.get_instance(id_, actor=guard.actor()).name
    flash(f"{name} {what}.", "good")
    return pages.back()


def _facts(instance_id: uuid.UUID) -> dict[str, Any]:
    sold = fleet.get_sold(instance_id, actor=guard.actor())
    live = data_of.live_progress(instance_id)
    timeline = trail.search(PageRequest(1, _TIMELINE), subject_kind="instance", subject_id=str(instance_id))
    return {
        "sold": sold,
        "timeline": named(timeline.items),
        "domains": list_domains(instance_id, actor=guard.actor()),
        **DOMAIN_FACTS,
        "is_moving": live is not None or sold.instance.status in IN_TRANSITION,
        "live": live,
        "at": current_ports().clock.now(),
    }
