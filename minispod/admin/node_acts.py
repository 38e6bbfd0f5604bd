"""Take a node out of service, empty it, put it back: what would happen, the acts, and how far they are."""

from typing import Any

from flask import abort, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.cluster import monitoring, outages
from minispod.insights import draining
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.nodes import queries, requesting
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import BoundChoice
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules


@door.post("/nodes/<name>/cordon")
def cordon_node(name: str) -> Any:
    """Have a node take no new pods."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        asked = requesting.cordon(name, actor=guard.actor(), at=ports.clock.now())
    return _shown(asked, _("%(name)s takes no new pods from now on; what runs there stays.", name=name))


@door.post("/nodes/<name>/uncordon")
def uncordon_node(name: str) -> Any:
    """Have a node take pods again."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        asked = requesting.uncordon(name, actor=guard.actor(), at=ports.clock.now())
    return _shown(asked, _("%(name)s takes pods again.", name=name))


@door.get("/nodes/<name>/drain")
def drain_preview(name: str) -> Any:
    """Show what draining a node would mean, before it is asked for."""
    picture = monitoring.last_picture()
    node = next((each for each in picture.nodes if each.name == name), None)
    if node is None:
        abort(404)
    return pages.page_or_fragment(
        "admin/nodes/drain.html",
        "admin/nodes/drain.html",
        name=name,
        node=node,
        picture=picture,
        outage=outages.outage_of(name),
        live=queries.live_on(name),
        ahead=draining.foresee(name, business_rules(current_settings()).capacity),
        at=current_ports().clock.now(),
    )


@door.post("/nodes/<name>/drain")
def drain_node(name: str) -> Any:
    """Have a node emptied, with what the administrator chose for data that are on it only."""
    ports = current_ports()
    given = request.form.get("bound", "")
    choice = BoundChoice(given) if given in set(BoundChoice) else BoundChoice.LEAVE
    with unit_of_work(ports.courier):
        asked = requesting.drain(name, choice, actor=guard.actor(), at=ports.clock.now())
    return _shown(asked, _("%(name)s is being drained.", name=name))


@door.get("/node-operations/<operation_id>")
def node_operation(operation_id: str) -> Any:
    """Show how far an act on a node is, live."""
    operation = queries.get(parse_id(operation_id))
    return pages.live_fragment(
        "admin/nodes/operation.html",
        "admin/nodes/_operation.html",
        every=3,
        operation=operation,
        instances=queries.instances_of(operation),
        moves=queries.moves_of(operation),
    )


@door.post("/node-operations/<operation_id>/cancel")
def cancel_node_operation(operation_id: str) -> Any:
    """Stop where it stands."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        operation = requesting.cancel(parse_id(operation_id), actor=guard.actor(), at=ports.clock.now())
    return _shown(operation, _("It was stopped where it stood. Moves that have begun go on to their end."))


def _shown(operation: NodeOperation, message: str) -> BaseResponse:
    return pages.told(message, url_for("panel.node_operation", operation_id=operation.id))
