"""An owner deletes a backup taken on demand: it is offered no more, and its files go with the next clearing."""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.backups import keeping
from minispod.backups.errors import BackupNotDeletable, NoSuchBackup
from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock


def delete(backup_id: uuid.UUID, *, instance_id: uuid.UUID, actor: Actor, at: datetime) -> Backup:
    """End the time of a backup of this instance; refuses NoSuchBackup, BackupNotDeletable. Locks the backup.

    The newest good one stays until there is a newer one: nobody is left without any copy by one click.
    """
    backup: Backup | None = lock(Backup, backup_id)
    if backup is None or not actor.may_see(backup.user_id) or backup.instance_id != instance_id:
        raise NoSuchBackup()
    if not is_on_demand(backup):
        raise BackupNotDeletable()
    if backup.removed_at is not None or backup.keep_until <= at:
        raise NoSuchBackup()
    newest = keeping.newest_done(instance_id)
    if newest is not None and newest.id == backup.id:
        raise BackupNotDeletable("The newest backup is kept until there is a newer one.")
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


def is_on_demand(backup: Backup) -> bool:
    """Tell whether it was taken on demand; such a one may be deleted on demand once there is a newer one."""
    return backup.reason is BackupReason.ON_DEMAND and backup.status is BackupStatus.DONE
