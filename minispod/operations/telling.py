"""Who is told how an operation ended: its owner what became of the data, the administrators what needs a person."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.backups.models import Backup, BackupReason
from minispod.catalog.models import Service
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.actor import Role
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.operations.models import Operation
from minispod.operations.plans import HOLDING
from minispod.operations.states import OperationKind, OperationStatus


def tell(operation: Operation, instance: Instance, *, at: datetime) -> None:
    """Tell the owner how it ended, and the administrators when it failed. What was asked for by nobody is not told."""
    is_on_demand = operation.backup_reason is BackupReason.ON_DEMAND
    if instance.wanted is Wanted.ABSENT:
        return
    if operation.status is OperationStatus.FAILED and (operation.kind in HOLDING or is_on_demand):
        _tell_owner(MessageKind.OPERATION_FAILED, operation, instance, at)
        _tell_staff(
            operation,
            f"{operation.kind.value.capitalize()} of {instance.name} failed",
            f"{operation.error} The instance is as it was before. Customer: {_owner(instance)}.",
            at,
        )
    elif operation.status is OperationStatus.DONE and operation.kind in HOLDING:
        _tell_owner(MessageKind.OPERATION_DONE, operation, instance, at)


def call_for_decision(operation: Operation, instance: Instance, *, at: datetime) -> None:
    """No last backup could be taken: the administrators decide what becomes of the data."""
    _tell_staff(
        operation,
        f"{instance.name} waits to be deleted",
        f"Its last backup could not be taken: {operation.error} Its data are kept until somebody has the backup tried "
        f"again, or has them deleted without a copy. Customer: {_owner(instance)}.",
        at,
    )


def _tell_owner(kind: MessageKind, operation: Operation, instance: Instance, at: datetime) -> None:
    user = session().get_one(User, instance.user_id)
    post.queue(
        kind,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"{kind.value}:{operation.id}",
        at=at,
        facts=_facts(operation, instance),
    )


def _facts(operation: Operation, instance: Instance) -> dict[str, Any]:
    service = session().scalar(select(Service.name).where(Service.slug == instance.service_slug))
    source = session().get(Backup, operation.source_backup_id) if operation.source_backup_id else None
    is_switched = operation.status is OperationStatus.DONE and operation.kind in HOLDING
    number = operation.old_volume if is_switched else None
    old = volumes.volume_of(instance.id, number) if number is not None else None
    return {
        "service": service or instance.service_slug,
        "url": instance.public_url if instance.is_web else None,
        "kind": operation.kind.value,
        "reason": operation.error,
        "version": operation.target_version,
        "data_from": source.taken_at.isoformat() if source else None,
        "is_running": instance.wanted is Wanted.RUNNING,
        "kept_until": old.keep_until.isoformat() if old and old.keep_until else None,
    }


def _tell_staff(operation: Operation, subject: str, sentence: str, at: datetime) -> None:
    administrators = select(User).where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True))
    for user in session().scalars(administrators):
        post.queue(
            MessageKind.STAFF_ALERT,
            post.Recipient(user.name, user.email, user.id),
            dedupe_key=f"staff:operation:{operation.id}:{user.id}",
            at=at,
            facts={"subject": subject, "sentence": sentence},
        )


def _owner(instance: Instance) -> str:
    user = session().get_one(User, instance.user_id)
    return f"{user.name} <{user.email}>"
