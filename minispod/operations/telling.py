"""Who is told how an operation ended: its owner what became of the data, the administrators what needs a person."""

from datetime import datetime

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.alerts import book
from minispod.alerts.judging import Finding
from minispod.alerts.kinds import Rule
from minispod.backups.models import Backup, BackupReason
from minispod.catalog.models import Service
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.operations.models import Drill, Operation
from minispod.operations.plans import HOLDING
from minispod.operations.states import OperationStatus


def tell(operation: Operation, instance: Instance, *, at: datetime) -> None:
    """Tell the owner how it ended, and the administrators when it failed. What was asked for by nobody is not told."""
    is_on_demand = operation.backup_reason is BackupReason.ON_DEMAND
    if instance.wanted is Wanted.ABSENT:
        return
    if operation.status is OperationStatus.FAILED and (operation.kind in HOLDING or is_on_demand):
        _tell_owner(operation, instance, at)
        _tell_staff(
            Rule.OPERATION_FAILED,
            operation,
            instance,
            f"{operation.kind.value.capitalize()} of {instance.name} failed",
            f"{operation.error} The instance is as it was before. Customer: {_owner(instance)}.",
            at,
        )
    elif operation.status is OperationStatus.DONE and operation.kind in HOLDING:
        _tell_owner(operation, instance, at)


def call_for_decision(operation: Operation, instance: Instance, *, at: datetime) -> None:
    """No last backup could be taken: the administrators decide what becomes of the data."""
    _tell_staff(
        Rule.DELETION_WAITS,
        operation,
        instance,
        f"{instance.name} waits to be deleted",
        f"Its last backup could not be taken: {operation.error} Its data are kept until somebody has the backup tried "
        f"again, or has them deleted without a copy. Customer: {_owner(instance)}.",
        at,
    )


def call_for_drill(drill: Drill, instance: Instance, *, at: datetime) -> None:
    """A backup could not be restored for proof."""
    _tell_staff(
        Rule.DRILL_FAILED,
        drill,
        instance,
        f"A backup of {instance.name} did not stand its trial",
        f"Restoring it elsewhere, to see whether it can be, failed: {drill.error} Take another backup and look into "
        f"it. Customer: {_owner(instance)}.",
        at,
    )


def _tell_owner(operation: Operation, instance: Instance, at: datetime) -> None:
    user = session().get_one(User, instance.user_id)
    to = post.Recipient(user.name, user.email, user.id)
    service = session().scalar(select(Service.name).where(Service.slug == instance.service_slug))
    facts = {
        "service": service or instance.service_slug,
        "url": instance.public_url if instance.is_web else None,
        "kind": operation.kind.value,
        "reason": operation.error,
        "version": operation.target_version,
        "data_from": _data_from(operation),
        "is_running": instance.wanted is Wanted.RUNNING,
        "kept_until": _kept_until(operation, instance),
    }
    key = f"operation:{operation.id}"
    if operation.status is OperationStatus.DONE:
        post.queue(MessageKind.OPERATION_DONE, to, dedupe_key=key, at=at, facts=facts)
    else:
        post.queue(MessageKind.OPERATION_FAILED, to, dedupe_key=key, at=at, facts=facts)


def _data_from(operation: Operation) -> str | None:
    source = session().get(Backup, operation.source_backup_id) if operation.source_backup_id else None
    return source.taken_at.isoformat() if source else None


def _kept_until(operation: Operation, instance: Instance) -> str | None:
    if operation.status is not OperationStatus.DONE or operation.old_volume is None:
        return None
    old = volumes.volume_of(instance.id, operation.old_volume)
    return old.keep_until.isoformat() if old and old.keep_until else None


def _tell_staff(
    rule: Rule, cause: Operation | Drill, instance: Instance, subject: str, sentence: str, at: datetime
) -> None:
    words = {"subject": subject, "sentence": sentence}
    book.raise_one(
        Finding(rule, "instance", str(instance.id), instance.name, words, occasion=str(cause.id)), at=at
    )


def _owner(instance: Instance) -> str:
    user = session().get_one(User, instance.user_id)
    return f"{user.name} <{user.email}>"
