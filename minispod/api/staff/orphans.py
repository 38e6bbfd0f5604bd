"""What nobody owns in the cluster: /api/v1/admin/orphans. Listed as last found, adopted or removed by decision."""

from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.orphans import (
    AdoptedOut,
    OrphanAdoptionIn,
    OrphanRemovalIn,
    OrphansOut,
    OrphansQuery,
)
from minispod.insights import stray
from minispod.instances import orphans
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import adopting

door = Door(
    "staff_orphans",
    __name__,
    url_prefix="/api/v1/admin/orphans",
    description="What nobody owns in the cluster",
)


@door.get("")
@requires_staff
@door.arguments(OrphansQuery, location="query")
@door.answers(200, OrphansOut, message="Orphans retrieved successfully")
def list_orphans(query: dict[str, Any]) -> dict[str, Any]:
    """List objects with our labels that belong to no instance, the longest known first."""
    at = current_ports().clock.now()
    page = stray.find_stray(wanted_page(query), search=query["search"], kind=query["kind"], at=at)
    return {"orphans": page.items, "pagination": pagination(page)}


@door.post("/look")
@requires_staff
@limiter.limit("10 per minute")
@door.answers(202, message="The cluster is being looked at; the list follows")
def look_for_orphans() -> None:
    """Have the cluster compared with the instances now."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        orphans.look_later(ports.clock.now())


@door.post("/<orphan_id>/remove")
@requires_staff
@door.arguments(OrphanRemovalIn)
@door.answers(202, message="It is being removed")
def remove_orphan(wanted: dict[str, Any], orphan_id: str) -> None:
    """Decide that it goes; a worker removes it. A volume goes with its data and needs its name."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        orphans.remove(
            parse_id(orphan_id),
            reason=wanted["reason"],
            confirmed=wanted["confirmed"],
            actor=g.actor,
            at=ports.clock.now(),
        )


@door.post("/<orphan_id>/adopt")
@requires_staff
@door.arguments(OrphanAdoptionIn)
@door.answers(200, AdoptedOut, message="Its instance has taken it")
def adopt_orphan(wanted: dict[str, Any], orphan_id: str) -> dict[str, Any]:
    """Give it to the instance that it belongs to, which is brought to its wish."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        instance = adopting.adopt(
            parse_id(orphan_id), reason=wanted["reason"], actor=g.actor, at=ports.clock.now()
        )
    return {"instance_id": instance.id}
