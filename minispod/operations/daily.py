"""The daily backups: asked for as many at once as the workers can bear, the longest uncopied first."""

from datetime import datetime

from minispod.backups.daily import Nights, due_daily
from minispod.backups.models import BackupReason
from minispod.instances import controls
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.operations import queries, requesting
from minispod.operations.states import OperationKind

_RESTING = (InstanceStatus.RUNNING, InstanceStatus.STOPPED)


def request_due(*, nights: Nights, at_once: int, at: datetime) -> int:
    """Ask for daily backups until `at_once` are under way; returns how many were asked for now."""
    room = at_once - queries.count_live(BackupReason.DAILY)
    asked = 0
    for instance_id in due_daily(at, nights, at_once)[: max(0, room)]:
        instance = controls.lock_instance(instance_id)
        if instance.status not in _RESTING or not queries.is_copyable(instance):
            continue
        if queries.live_operation(instance.id) is not None:
            continue
        requesting.ask(
            instance,
            OperationKind.BACKUP,
            actor=system("daily"),
            at=at,
            backup_reason=BackupReason.DAILY,
        )
        asked += 1
    return asked
