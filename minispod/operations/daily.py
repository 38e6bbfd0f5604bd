"""The daily backups: asked for as many at once as the workers can bear, the longest uncopied first."""

from datetime import datetime

from minispod.backups import keeping
from minispod.backups.models import BackupReason
from minispod.instances import controls
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.operations import queries, requesting
from minispod.operations.states import OperationKind

_RESTING = (InstanceStatus.RUNNING, InstanceStatus.STOPPED)


def request_due(*, at: datetime, at_once: int) -> int:
    """Ask for daily backups until `at_once` are under way; returns how many were asked for now."""
    room = at_once - queries.count_live(BackupReason.DAILY)
    asked = 0
    for instance_id in keeping.due_daily(at) if room > 0 else ():
        if asked == room:
            break
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
