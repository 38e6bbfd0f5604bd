"""What is set of one instance: its environment and its credentials, by name. Values only by an audited showing."""

from typing import Any

from flask import flash, make_response, render_template, request

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
from minispod.insights import fleet
from minispod.instances import environment, rotation
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports

_FOLLOW_SECONDS = 3


@door.get("/instances/<instance_id>/settings")
def instance_settings(instance_id: str) -> Any:
    """Show which values are set, which may be, and which credentials can be changed."""
    id_, actor = parse_id(instance_id), guard.actor()
    return pages.live_fragment(
        "admin/instances/settings.html",
        "admin/instances/_settings.html",
        every=_FOLLOW_SECONDS,
        sold=fleet.get_sold(id_, actor=actor),
        environment=environment.get_environment(id_, actor=actor),
        credentials=rotation.list_credentials(id_, actor=actor),
    )


@door.post("/instances/<instance_id>/environment")
def change_environment(instance_id: str) -> Any:
    """Set one value, or take it out."""
    name = request.form.get("name", "").strip()
    value = None if request.form.get("remove") else request.form.get("value", "")
    ports, id_ = current_ports(), parse_id(instance_id)
    with unit_of_work(ports.courier):
        environment.change(id_, {name: value}, sealer=ports.sealer, actor=guard.actor(), at=ports.clock.now())
    told = N_("%(name)s is set; what runs restarts with it.")
    if value is None:
        told = N_("%(name)s is taken out; what runs restarts with it.")
    flash(_(told, name=name), "good")
    return pages.back("panel.instances_list")


@door.post("/instances/<instance_id>/environment/revert")
def revert_environment(instance_id: str) -> Any:
    """Go back to the values before the newest change."""
    ports, id_ = current_ports(), parse_id(instance_id)
    with unit_of_work(ports.courier):
        environment.revert(id_, actor=guard.actor(), at=ports.clock.now())
    flash(_("The values before the newest change are back; what runs restarts with them."), "good")
    return pages.back("panel.instances_list")


@door.post("/instances/<instance_id>/environment/show")
def show_environment(instance_id: str) -> Any:
    """Show the values once, on this answer only; the showing is written into the audit book."""
    ports, id_ = current_ports(), parse_id(instance_id)
    with unit_of_work(ports.courier):
        values = environment.show_values(id_, sealer=ports.sealer, actor=guard.actor(), at=ports.clock.now())
    sold = fleet.get_sold(id_, actor=guard.actor())
    return make_response(render_template("admin/instances/values.html", sold=sold, values=values))


@door.post("/instances/<instance_id>/credentials/<name>/rotate")
def rotate_credential(instance_id: str, name: str) -> Any:
    """Have the running application take another value of one credential."""
    ports, id_ = current_ports(), parse_id(instance_id)
    with unit_of_work(ports.courier):
        rotation.ask(id_, name, sealer=ports.sealer, actor=guard.actor(), at=ports.clock.now())
    flash(
        _(
            "%(name)s is being changed; the old value stays in force until the application took the new one.",
            name=name,
        ),
        "good",
    )
    return pages.back("panel.instances_list")
