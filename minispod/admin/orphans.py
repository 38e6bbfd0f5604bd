"""What carries our labels in the cluster and belongs to no instance: as last found, and what to do about each."""

from typing import Any

from flask import request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.subscriptions import given_reason
from minispod.insights import stray
from minispod.instances import orphans
from minispod.instances.orphan_models import OrphanKind
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import adopting


@door.get("/orphans")
def orphans_list() -> Any:
    """Show what nobody owns, and beside it the recipe trials that may still run."""
    at = current_ports().clock.now()
    search, kind = pages.search_text(), pages.chosen(OrphanKind, "kind")
    return pages.live_fragment(
        "admin/orphans/page.html",
        "admin/orphans/_live.html",
        found=stray.find_stray(pages.page_request(), search=search, kind=kind, at=at),
        trials=orphans.list_trials(at=at),
        search=search,
        kind=kind,
        kinds=OrphanKind,
        at=at,
    )


@door.post("/orphans/look")
def look_for_orphans() -> Any:
    """Have the cluster compared with the instances now; the list follows."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        orphans.look_later(ports.clock.now())
    return pages.told(_("The cluster is being looked at; the list follows."), url_for("panel.orphans_list"))


@door.post("/orphans/<orphan_id>/remove")
def remove_orphan(orphan_id: str) -> Any:
    """Decide that it goes; for a volume its name must be written."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        row = orphans.remove(
            parse_id(orphan_id),
            reason=given_reason(),
            confirmed=request.form.get("confirmed", "").strip(),
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    return pages.told(_("%(name)s is being removed.", name=row.name), url_for("panel.orphans_list"))


@door.post("/orphans/<orphan_id>/adopt")
def adopt_orphan(orphan_id: str) -> Any:
    """Give it to the instance that it belongs to."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        instance = adopting.adopt(
            parse_id(orphan_id), reason=given_reason(), actor=guard.actor(), at=ports.clock.now()
        )
    return pages.told(
        _("%(name)s has taken it and is brought to its wish.", name=instance.name),
        url_for("panel.instance", instance_id=instance.id),
    )
