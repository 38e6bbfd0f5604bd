"""How an operation ends: the instance is let go, the book has it, and whoever must know is told."""

from datetime import datetime

from minispod.audit import trail
from minispod.backups import keeping
from minispod.backups.models import BackupReason
from minispod.instances import controls
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.operations import last_backups, telling
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, OperationStatus

OURSELVES = system("operations")


def end(operation: Operation, instance: Instance, *, at: datetime) -> None:
    """Close the operation, done or failed; both rows are locked."""
    is_done = operation.error is None
    operation.status = OperationStatus.DONE if is_done else OperationStatus.FAILED
    operation.ended_at = at
    session().flush()  # the next operation of this instance may be asked for in this transaction
    trail.record(
        OURSELVES,
        trail.Action.OPERATION_DONE if is_done else trail.Action.OPERATION_FAILED,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        operation=str(operation.id),
        kind=operation.kind.value,
        attempts=operation.attempts,
        error=operation.error,
    )
    controls.let_go(instance, at=at)
    _note_missing_backup(operation, instance, at)
    if operation.backup_reason is BackupReason.BEFORE_DELETE:
        last_backups.conclude(operation, instance, at=at)
        return
    if instance.awaits_last_backup:
        last_backups.request(instance, actor=OURSELVES, at=at)
    telling.tell(operation, instance, at=at)


def _note_missing_backup(operation: Operation, instance: Instance, at: datetime) -> None:
    """A backup that failed before its copy began has failed too: the alarm counts it, and the night makes its pause."""
    reason = operation.backup_reason if operation.kind is OperationKind.BACKUP else None
    if reason is None or operation.error is None or operation.backup_id or instance.wanted is Wanted.ABSENT:
        return
    backup = keeping.begin(instance, reason, 0, at)
    keeping.fail(backup.id, operation.error, at)
    operation.backup_id = backup.id
