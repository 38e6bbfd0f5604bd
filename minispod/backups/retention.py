"""What may be removed: backups whose time is over, and files that belong to none. Decides; a job removes.

Files go first, then the row says so: a crash between leaves a row that is tried again. Never the newest good backup
of a living instance, whatever its age; never a file of a backup we do not know, which may be another installation's
or newer than a database that was restored.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select

from minispod.audit import trail
from minispod.backups import keeping
from minispod.backups.models import Backup, BackupPart, BackupStatus
from minispod.backups.vault import Vault
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.kernel.database import lock, session
from minispod.kernel.object_store import StoredObject

log = structlog.get_logger()

# A restore that began in the last moment of a backup reads on.
_GRACE = timedelta(days=1)
_ABANDONED_AFTER = timedelta(days=1)
_STRAY_AFTER = timedelta(days=1)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Removal:
    """A backup whose files are to go."""

    backup_id: uuid.UUID
    keys: tuple[str, ...]


def expired(at: datetime, limit: int = 100) -> Sequence[Removal]:
    """Backups whose files may go, the longest over first."""
    ids = session().scalars(
        select(Backup.id)
        .join(Instance, Instance.id == Backup.instance_id)
        .where(
            Backup.removed_at.is_(None),
            Backup.status != BackupStatus.RUNNING,
            Backup.keep_until <= at - _GRACE,
            or_(
                Backup.status == BackupStatus.FAILED,
                Instance.status == InstanceStatus.TERMINATED,
                keeping.has_newer(),
            ),
        )
        .order_by(Backup.keep_until, Backup.id)
        .limit(limit)
    )
    return [Removal(each, tuple(part.key for part in keeping.parts_of(each))) for each in ids.all()]


def remove_files(removal: Removal, vault: Vault) -> None:
    """Delete the files of a backup; harmless when repeated. Raises ObjectStoreUnavailable."""
    for key in removal.keys:
        vault.delete(key)


def mark_removed(backup_id: uuid.UUID, at: datetime) -> None:
    """The files are gone; a repeat changes nothing."""
    backup: Backup | None = lock(Backup, backup_id)
    if backup is None or backup.removed_at is not None:
        return
    backup.removed_at = at
    trail.record(
        system("backups"),
        trail.Action.BACKUP_REMOVED,
        at=at,
        subject_kind="backup",
        subject_id=backup.id,
        instance_id=str(backup.instance_id),
        taken_at=backup.taken_at.isoformat(),
    )


def fail_abandoned(at: datetime) -> int:
    """Give up what runs longer than any backup can: its worker died and nobody took it over. Returns how many."""
    ids = session().scalars(
        select(Backup.id).where(
            Backup.status == BackupStatus.RUNNING, Backup.taken_at < at - _ABANDONED_AFTER
        )
    )
    abandoned = ids.all()
    for each in abandoned:
        keeping.fail(each, "It was never finished.", at)
    return len(abandoned)


def strays(stored: Iterable[StoredObject], at: datetime) -> Sequence[str]:
    """The keys among `stored` that belong to a backup we know, but are no part of it, for a day now.

    They come from a crash between the store and the commit. What belongs to no backup we know is logged and left.
    """
    old = [each.key for each in stored if each.changed_at < at - _STRAY_AFTER]
    found: list[str] = []
    unknown = 0
    for start in range(0, len(old), _BATCH):
        keys = old[start : start + _BATCH]
        known = {
            backup.id: backup
            for backup in session().scalars(
                select(Backup).where(Backup.id.in_({id_ for id_ in map(_backup_of, keys) if id_}))
            )
        }
        parts = session().scalars(
            select(BackupPart.key)
            .join(Backup, Backup.id == BackupPart.backup_id)
            .where(BackupPart.key.in_(keys), Backup.removed_at.is_(None))
        )
        wanted = set(parts)
        for key in keys:
            backup = known.get(_backup_of(key) or uuid.UUID(int=0))
            if backup is None:
                unknown += 1
            elif backup.status is not BackupStatus.RUNNING and key not in wanted:
                found.append(key)
    if unknown:
        log.warning("backups.unknown_files", count=unknown)
    return found


def _backup_of(key: str) -> uuid.UUID | None:
    """The backup that a key was made for; None when it is none of our keys."""
    parts = key.split("/")
    if len(parts) != 4 or parts[0] != keeping.PREFIX:
        return None
    try:
        return uuid.UUID(parts[2])
    except ValueError:
        return None
