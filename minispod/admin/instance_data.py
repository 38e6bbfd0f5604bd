"""The data of one instance: backups, restore, reset, another node, another version, and what is under way.

Each act records a wish and comes back at once; the page follows the operation step by step.
"""

import uuid
from collections.abc import Callable
from typing import Any

from flask import request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.subscriptions import given_reason
from minispod.backups import deleting
from minispod.insights import data_of, fleet
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import last_backups, requesting
from minispod.ports import current_ports, current_settings
from minispod.subscriptions import data_care
from minispod.subscriptions.errors import NotConfirmed

_FOLLOW_SECONDS = 2
_LOOK_SECONDS = 10


@door.get("/instances/<instance_id>/data")
def instance_data(instance_id: str) -> Any:
    """Show backups, volumes and operations of an instance; follows what is under way."""
    at = current_ports().clock.now()
    sold = fleet.get_sold(parse_id(instance_id), actor=guard.actor())
    picture = data_of.picture_of(sold.instance, actor=guard.actor(), at=at)
    return pages.live_fragment(
        "admin/instances/data.html",
        "admin/instances/_data.html",
        every=_FOLLOW_SECONDS if picture.live else _LOOK_SECONDS,
        sold=sold,
        picture=picture,
        at=at,
    )


@door.post("/instances/<instance_id>/backups")
def back_up_instance(instance_id: str) -> Any:
    """Take a backup now."""
    per_day = current_settings().data.backups_on_demand_per_day
    return _begin(
        instance_id,
        lambda id_, who: data_care.back_up(id_, per_day=per_day, **who),
        _("A backup is being taken."),
    )


@door.post("/instances/<instance_id>/restore")
def restore_instance(instance_id: str) -> Any:
    """Put the chosen backup in place of the present data."""
    backup_id = parse_id(request.form.get("backup", ""))
    return _begin(
        instance_id,
        lambda id_, who: data_care.restore(id_, backup_id, **who),
        _("The backup is being restored."),
    )


@door.post("/instances/<instance_id>/reset")
def reset_instance(instance_id: str) -> Any:
    """Let it begin anew; its name must be written."""
    name = request.form.get("confirmed", "").strip()
    return _begin(
        instance_id,
        lambda id_, who: data_care.reset(id_, confirmed=name, **who),
        _("The instance is being reset."),
    )


@door.post("/instances/<instance_id>/volumes/<int:number>/return")
def return_to_volume(instance_id: str, number: int) -> Any:
    """Let it run on a kept volume again; its name must be written."""
    name = request.form.get("confirmed", "").strip()
    return _begin(
        instance_id,
        lambda id_, who: data_care.go_back(id_, number, confirmed=name, **who),
        _("The instance goes back to volume %(number)s.", number=number),
    )


@door.post("/instances/<instance_id>/move")
def move_instance(instance_id: str) -> Any:
    """Bring its data to the chosen node."""
    node = request.form.get("node", "")
    return _begin(
        instance_id,
        lambda id_, who: requesting.move(id_, node, **who),
        _("It is being moved to %(node)s.", node=node),
    )


@door.post("/instances/<instance_id>/version")
def upgrade_instance(instance_id: str) -> Any:
    """Bring the application to the chosen version."""
    version = request.form.get("version", "")
    return _begin(
        instance_id,
        lambda id_, who: data_care.upgrade(id_, version, **who),
        _("The application is being upgraded to %(version)s.", version=version),
    )


@door.post("/instances/<instance_id>/last-backup")
def retry_last_backup(instance_id: str) -> Any:
    """Have the last backup before the deletion tried again."""
    return _begin(
        instance_id,
        lambda id_, who: last_backups.retry(id_, **who),
        _("The last backup is being tried again."),
    )


@door.post("/instances/<instance_id>/delete-without-copy")
def delete_without_copy(instance_id: str) -> Any:
    """Delete the data although no last backup could be taken; the name must be written."""
    reason = given_reason()
    sold = fleet.get_sold(parse_id(instance_id), actor=guard.actor())
    if request.form.get("confirmed", "").strip() != sold.instance.name:
        raise NotConfirmed()
    return _begin(
        instance_id,
        lambda id_, who: last_backups.delete_without_copy(id_, reason=reason, **who),
        _("The data are being deleted without a copy."),
    )


@door.post("/instances/<instance_id>/backups/<backup_id>/delete")
def delete_backup(instance_id: str, backup_id: str) -> Any:
    """Delete a backup that was taken on demand."""
    backup = parse_id(backup_id)
    return _begin(
        instance_id,
        lambda id_, who: deleting.delete(backup, instance_id=id_, **who),
        _("The backup is deleted; its files go with the next clearing."),
    )


def _begin(instance_id: str, act: Callable[[uuid.UUID, dict[str, Any]], object], message: str) -> Any:
    ports, id_ = current_ports(), parse_id(instance_id)
    with unit_of_work(ports.courier):
        act(id_, {"actor": guard.actor(), "at": ports.clock.now()})
    return pages.told(message, url_for("panel.instance_data", instance_id=id_))
