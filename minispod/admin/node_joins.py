"""Bring a new worker in: a token for one machine, its command shown once, and the page that waits for the node."""

from datetime import timedelta
from typing import Any

from flask import make_response, render_template, request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.cluster import monitoring
from minispod.cluster.joining import queries, requesting, script, wishes
from minispod.cluster.joining.errors import NoServerAddress
from minispod.cluster.joining.wishes import Wishes
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings

_LASTS = {"15": "15 minutes", "60": "1 hour", "240": "4 hours", "1440": "24 hours"}
_FOLLOW_SECONDS = 3


@door.get("/node-joins")
def node_joins() -> Any:
    """List the tokens there are and were, and make another."""
    return pages.live_fragment(
        "admin/nodes/joins.html",
        "admin/nodes/_joins.html",
        joins=queries.list_joins(),
        lasts=_LASTS,
        server=current_settings().cluster.k3s_server_url,
        version=_version(),
        at=current_ports().clock.now(),
    )


@door.post("/node-joins")
def ask_for_join() -> Any:
    """Have a token made."""
    ports = current_ports()
    if not current_settings().cluster.k3s_server_url:
        raise NoServerAddress()
    given = request.form
    wanted = wishes.read(given.get("name", ""), given.get("labels", ""), given.get("taints", ""))
    minutes = given.get("lasts", "")
    lasts = timedelta(minutes=int(minutes) if minutes in _LASTS else 60)
    with unit_of_work(ports.courier):
        join = requesting.ask(wanted, lasts, sealer=ports.sealer, actor=guard.actor(), at=ports.clock.now())
    return pages.told("The token is being made.", url_for("panel.node_join", join_id=join.id))


@door.get("/node-joins/<join_id>")
def node_join(join_id: str) -> Any:
    """Show one token's way, live, until its node is there."""
    join = queries.get_join(parse_id(join_id))
    return pages.live_fragment(
        "admin/nodes/join.html",
        "admin/nodes/_join.html",
        every=_FOLLOW_SECONDS,
        join=join,
        picture=monitoring.last_picture(),
        at=current_ports().clock.now(),
    )


@door.post("/node-joins/<join_id>/command")
def show_join_command(join_id: str) -> Any:
    """Show the command once, on this answer only; the showing is written into the audit book."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        shown = requesting.show(
            parse_id(join_id), sealer=ports.sealer, actor=guard.actor(), at=ports.clock.now()
        )
    join = shown.join
    command = script.write(
        server=current_settings().cluster.k3s_server_url,
        token=shown.token,
        join_id=str(join.id),
        wishes=Wishes(join.wanted_name, tuple(join.labels), tuple(join.taints)),
        version=_version(),
    )
    return make_response(render_template("admin/nodes/join_command.html", join=join, command=command))


@door.post("/node-joins/<join_id>/revoke")
def revoke_join(join_id: str) -> Any:
    """Have the token taken out of the cluster."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        join = requesting.revoke(parse_id(join_id), actor=guard.actor(), at=ports.clock.now())
    return pages.told(
        "The token is being taken out of the cluster.", url_for("panel.node_join", join_id=join.id)
    )


def _version() -> str | None:
    nodes = monitoring.last_picture().nodes
    servers = [each.version for each in nodes if each.is_control_plane]
    return script.version_to_install(servers or [each.version for each in nodes])
