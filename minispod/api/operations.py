"""Backups, restores, resets and upgrades of one's own instances: /api/v1/subscriptions/<id>.

Each act answers 202 at once with the transitional state; the outcome is pushed over Socket.IO and visible here.
"""

from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.instances import own_instance
from minispod.api.schemas.base import PageQuery, pagination, wanted_page
from minispod.api.schemas.operations import (
    BackupOut,
    BackupsOut,
    OperationBegunOut,
    OperationOneOut,
    OperationsOut,
    ResetIn,
    RestoreIn,
    ReturnIn,
    VersionIn,
    VersionOut,
    VolumesOut,
)
from minispod.api.subscriptions import instance_row
from minispod.backups import deleting, keeping
from minispod.backups.errors import NoSuchBackup
from minispod.backups.models import Backup
from minispod.instances.models import InstanceVolume
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import queries
from minispod.operations.errors import NoSuchOperation, NoSuchVolume
from minispod.operations.models import Operation
from minispod.operations.progress import progress_of
from minispod.ports import current_ports, current_settings
from minispod.subscriptions import data_care

door = Door(
    "operations",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="Backups, restores, resets and upgrades of one's own instances",
)


@door.get("/<subscription_id>/backups")
@requires_sign_in
@door.arguments(PageQuery, location="query")
@door.answers(200, BackupsOut, message="Backups retrieved successfully")
def list_backups(query: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """List what can be restored, newest first; also of an instance that has ended, while it is kept."""
    instance = own_instance(subscription_id)
    found = keeping.list_backups(
        wanted_page(query), actor=g.actor, instance_id=instance.id, at=current_ports().clock.now()
    )
    newest = keeping.newest_done(instance.id)
    rows = [_backup_row(each, is_newest=newest is not None and each.id == newest.id) for each in found.items]
    return {"backups": rows, "pagination": pagination(found)}


@door.post("/<subscription_id>/backups")
@requires_sign_in
@limiter.limit("30 per hour")
@door.answers(202, OperationBegunOut, message="A backup is being taken")
def back_up(subscription_id: str) -> dict[str, Any]:
    """Take a backup now; so many a day."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        operation = data_care.back_up(
            instance.id,
            per_day=current_settings().data.backups_on_demand_per_day,
            actor=g.actor,
            at=ports.clock.now(),
        )
    return _begun(subscription_id, operation)


@door.delete("/<subscription_id>/backups/<backup_id>")
@requires_sign_in
@door.answers(200, BackupOut, message="Backup deleted successfully")
def delete_backup(subscription_id: str, backup_id: str) -> dict[str, Any]:
    """Delete a backup that was taken on demand; the others go when their time is over."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        backup = deleting.delete(
            parse_id(backup_id), instance_id=instance.id, actor=g.actor, at=ports.clock.now()
        )
    return _backup_row(backup, is_newest=False)


@door.post("/<subscription_id>/backups/<backup_id>/restore")
@requires_sign_in
@limiter.limit("30 per hour")
@door.arguments(RestoreIn)
@door.answers(202, OperationBegunOut, message="The backup is being restored")
def restore(body: dict[str, Any], subscription_id: str, backup_id: str) -> dict[str, Any]:
    """Restore a backup in place, or into another of one's own instances of the same application."""
    ports, source = current_ports(), own_instance(subscription_id)
    backup = keeping.get_backup(parse_id(backup_id), actor=g.actor)
    if backup.instance_id != source.id:
        raise NoSuchBackup()
    into = body["into_subscription_id"] or subscription_id
    target = own_instance(into)
    with unit_of_work(ports.courier):
        operation = data_care.restore(target.id, backup.id, actor=g.actor, at=ports.clock.now())
    return _begun(into, operation)


@door.post("/<subscription_id>/reset-pod")
@requires_sign_in
@limiter.limit("10 per hour")
@door.arguments(ResetIn)
@door.answers(202, OperationBegunOut, message="The instance is being reset")
def reset(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Have the instance begin anew with an empty volume; address and passwords stay."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        operation = data_care.reset(
            instance.id, confirmed=body["confirm_name"], actor=g.actor, at=ports.clock.now()
        )
    return _begun(subscription_id, operation)


@door.get("/<subscription_id>/volumes")
@requires_sign_in
@door.answers(200, VolumesOut, message="Volumes retrieved successfully")
def list_volumes(subscription_id: str) -> dict[str, Any]:
    """List the volume in use and those that are kept for a while, newest first."""
    instance, at = own_instance(subscription_id), current_ports().clock.now()
    found = queries.list_kept_volumes(instance.id, actor=g.actor)
    can_return = queries.returnable(found, at)
    return {"volumes": [_volume_row(each, can_return=each.number in can_return) for each in found]}


@door.post("/<subscription_id>/volumes/<number>/return")
@requires_sign_in
@limiter.limit("10 per hour")
@door.arguments(ReturnIn)
@door.answers(202, OperationBegunOut, message="The instance goes back to the data it had before")
def return_to_volume(body: dict[str, Any], subscription_id: str, number: str) -> dict[str, Any]:
    """Go back to the data that a restore, a reset or another operation took away; the present ones are kept in turn."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        operation = data_care.go_back(
            instance.id,
            _volume_number(number),
            confirmed=body["confirm_name"],
            actor=g.actor,
            at=ports.clock.now(),
        )
    return _begun(subscription_id, operation)


@door.get("/<subscription_id>/version")
@requires_sign_in
@door.answers(200, VersionOut, message="Version retrieved successfully")
def show_version(subscription_id: str) -> dict[str, Any]:
    """Show the version that runs and those it can be upgraded to."""
    instance = own_instance(subscription_id)
    return {"version": instance.version, "newer_versions": queries.newer_versions(instance)}


@door.post("/<subscription_id>/version")
@requires_sign_in
@limiter.limit("10 per hour")
@door.arguments(VersionIn)
@door.answers(202, OperationBegunOut, message="The application is being upgraded")
def upgrade_version(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Upgrade the application, with a backup first, and back if it does not come up."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        operation = data_care.upgrade(instance.id, body["version"], actor=g.actor, at=ports.clock.now())
    return _begun(subscription_id, operation)


@door.get("/<subscription_id>/operations")
@requires_sign_in
@door.arguments(PageQuery, location="query")
@door.answers(200, OperationsOut, message="Operations retrieved successfully")
def list_operations(query: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """List what is and was done with the data, newest first, with its progress."""
    found = queries.list_operations(own_instance(subscription_id).id, wanted_page(query), actor=g.actor)
    return {"operations": [_operation_row(each) for each in found.items], "pagination": pagination(found)}


@door.get("/<subscription_id>/operations/<operation_id>")
@requires_sign_in
@door.answers(200, OperationOneOut, message="Operation retrieved successfully")
def show_operation(subscription_id: str, operation_id: str) -> dict[str, Any]:
    """Show one operation with its progress."""
    instance = own_instance(subscription_id)
    operation = queries.get_operation(parse_id(operation_id), actor=g.actor)
    if operation.instance_id != instance.id:
        raise NoSuchOperation()
    return {"operation": _operation_row(operation)}


def _begun(subscription_id: str, operation: Operation) -> dict[str, Any]:
    return {
        "instance": instance_row(own_instance(subscription_id)),
        "operation": _operation_row(operation),
    }


def _backup_row(backup: Backup, *, is_newest: bool) -> dict[str, Any]:
    return {
        "id": backup.id,
        "reason": backup.reason.value,
        "version": backup.version,
        "taken_at": backup.taken_at,
        "finished_at": backup.finished_at,
        "keep_until": backup.keep_until,
        "size": backup.plain_size,
        "proven_at": backup.proven_at,
        "can_delete": deleting.is_on_demand(backup) and not is_newest,
    }


def _volume_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NoSuchVolume()
    return int(text)


def _volume_row(volume: InstanceVolume, *, can_return: bool) -> dict[str, Any]:
    return {
        "number": volume.number,
        "status": volume.status.value,
        "created_at": volume.created_at,
        "retired_at": volume.retired_at,
        "reason": volume.reason,
        "keep_until": volume.keep_until,
        "can_return": can_return,
    }


def _operation_row(operation: Operation) -> dict[str, Any]:
    progress = progress_of(operation)
    return {
        "id": operation.id,
        "kind": operation.kind.value,
        "status": operation.status.value,
        "progress": {"done": progress.done, "total": progress.total, "text": progress},
        "error": operation.error,
        "attempts": operation.attempts,
        "source_backup_id": operation.source_backup_id,
        "from_version": operation.from_version,
        "target_version": operation.target_version,
        "requested_at": operation.requested_at,
        "started_at": operation.started_at,
        "ended_at": operation.ended_at,
    }
