"""An owner deletes a backup taken on demand: it is offered no more, and its files go with the next clearing."""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.backups.errors import BackupNotDeletable, NoSuchBackup
from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock


def delete(backup_id: uuid.UUID, *, instance_id: uuid.UUID, actor: Actor, at: datetime) -> Backup:
    """End the time of a backup of this instance; refuses NoSuchBackup, BackupNotDeletable. Locks the backup.

    The newest good copy of a living instance stays in the store until there is a newer one (retention).
    """
    backup: Backup | None = lock(Backup, backup_id)
    if backup is None or not actor.may_see(backup.user_id) or backup.instance_id != instance_id:
        raise NoSuchBackup()
    if not can_delete(backup):
        raise BackupNotDeletable()
    if backup.removed_at is not None or backup.keep_until <= at:
        raise NoSuchBackup()
    backup.keep_until = at
    trail.record(
        actor,
        trail.Action.BACKUP_DELETED,
        at=at,
        subject_kind="backup",
        subject_id=backup.id,
        instance_id=str(backup.instance_id),
        taken_at=backup.taken_at.isoformat(),
    )
    return backup


def can_delete(backup: Backup) -> bool:
    """Tell whether its owner may delete it."""
    return backup.reason is BackupReason.ON_DEMAND and backup.status is BackupStatus.DONE
