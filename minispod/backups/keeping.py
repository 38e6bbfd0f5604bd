"""The rows of backups: begun before the first byte, given their files, finished or failed; and who may see them.

Not for moving bytes (`vault`) nor for removing old ones (`retention`). Only a DONE backup has all of its files in the
store. Each act takes the lock of its row, and may be repeated.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from minispod.audit import trail
from minispod.backups.errors import BackupBroken, BackupOver, NoSuchBackup
from minispod.backups.models import Backup, BackupPart, BackupReason, BackupStatus
from minispod.backups.vault import KeptPart
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor, system
from minispod.kernel.database import lock, page_of, session
from minispod.kernel.ids import new_id
from minispod.kernel.paging import Page, PageRequest

PREFIX = "backups"
_LONGEST_ERROR = 1000
_OURSELVES = system("backups")


def key_of(instance_id: uuid.UUID, backup_id: uuid.UUID, name: str) -> str:
    """Where a part of a backup lies in the store: the same for each attempt, so that a repeat replaces it."""
    return f"{PREFIX}/{instance_id}/{backup_id}/{name}.age"


def begin(instance: Instance, reason: BackupReason, keep_days: int, at: datetime) -> Backup:
    """Open a backup of an instance, kept for so many days from now; its files follow."""
    backup = Backup(
        id=new_id(),
        instance_id=instance.id,
        user_id=instance.user_id,
        service_slug=instance.service_slug,
        version=instance.version,
        reason=reason,
        status=BackupStatus.RUNNING,
        sealed_secrets=instance.sealed_secrets,
        taken_at=at,
        keep_until=at + timedelta(days=keep_days),
    )
    session().add(backup)
    session().flush()  # parts refer to it
    _note(backup, trail.Action.BACKUP_BEGUN, at, reason=reason.value)
    return backup


def add_part(backup_id: uuid.UUID, name: str, kept: KeptPart) -> None:
    """Write down a file that lies in the store; a repeat replaces what was known of it. Raises BackupOver."""
    backup = _locked(backup_id)
    if backup.status is not BackupStatus.RUNNING:
        raise BackupOver()
    part = session().scalar(
        select(BackupPart).where(BackupPart.backup_id == backup_id, BackupPart.name == name)
    )
    if part is None:
        part = BackupPart(id=new_id(), backup_id=backup_id, name=name)
        session().add(part)
    part.key, part.size, part.recipient = kept.key, kept.size, kept.recipient
    part.plain_size, part.plain_sha256 = kept.plain_size, kept.plain_sha256


def finish(backup_id: uuid.UUID, at: datetime) -> Backup:
    """All files are in the store: the backup counts from now on. Raises BackupOver, BackupBroken without any file."""
    backup = _locked(backup_id)
    if backup.status is BackupStatus.DONE:
        return backup
    if backup.status is BackupStatus.FAILED:
        raise BackupOver()
    parts = parts_of(backup_id)
    if not parts:
        raise BackupBroken("Nothing was copied, so this is no backup.")
    backup.status, backup.finished_at = BackupStatus.DONE, at
    backup.plain_size = sum(part.plain_size for part in parts)
    _note(backup, trail.Action.BACKUP_DONE, at, reason=backup.reason.value, bytes=backup.plain_size)
    return backup


def fail(backup_id: uuid.UUID, sentence: str, at: datetime) -> Backup:
    """Give it up, and say why; what it has stored is removed soon. One that is DONE stays so: BackupOver."""
    backup = _locked(backup_id)
    if backup.status is BackupStatus.DONE:
        raise BackupOver()
    if backup.status is BackupStatus.RUNNING:
        backup.status, backup.finished_at, backup.keep_until = BackupStatus.FAILED, at, at
        backup.error = sentence[:_LONGEST_ERROR]
        _note(backup, trail.Action.BACKUP_FAILED, at, reason=backup.reason.value, error=backup.error)
    return backup


def newest_done(instance_id: uuid.UUID) -> Backup | None:
    """The newest backup of an instance that can be restored; the caller has checked the owner."""
    return session().scalar(
        usable().where(Backup.instance_id == instance_id).order_by(Backup.taken_at.desc()).limit(1)
    )


def get_backup(backup_id: uuid.UUID, *, actor: Actor) -> Backup:
    """The backup; raise NoSuchBackup when it is missing or not the actor's."""
    backup = session().get(Backup, backup_id, populate_existing=True)
    if backup is None or not actor.may_see(backup.user_id):
        raise NoSuchBackup()
    return backup


def list_backups(
    page: PageRequest, *, actor: Actor, instance_id: uuid.UUID | None = None, at: datetime
) -> Page[Backup]:
    """What can be restored, newest first: an actor's own, staff see everybody's; of one instance or of all.

    What is over is offered only as long as there is nothing newer: it is kept for that.
    """
    wanted = (
        usable()
        .where(or_(Backup.keep_until > at, ~has_newer()))
        .order_by(Backup.taken_at.desc(), Backup.id.desc())
    )
    if not (actor.is_staff or actor.is_system):
        wanted = wanted.where(Backup.user_id == actor.user_id)
    if instance_id is not None:
        wanted = wanted.where(Backup.instance_id == instance_id)
    return page_of(wanted, page)


def list_everything(page: PageRequest, *, search: str = "") -> Page[tuple[Backup, Instance]]:
    """All rows for staff, also failed ones and those whose files are gone, newest first; of instances named like it."""
    wanted = (
        select(Backup, Instance)
        .join(Instance, Instance.id == Backup.instance_id)
        .order_by(Backup.taken_at.desc(), Backup.id.desc())
    )
    if search:
        wanted = wanted.where(Instance.name.icontains(search, autoescape=True))
    return page_of(wanted, page)


def parts_of(backup_id: uuid.UUID) -> Sequence[BackupPart]:
    """The files of a backup, by name; the caller has checked the owner."""
    return (
        session()
        .scalars(select(BackupPart).where(BackupPart.backup_id == backup_id).order_by(BackupPart.name))
        .all()
    )


def usable() -> Select[Backup]:
    """Backups whose files are all there."""
    return select(Backup).where(Backup.status == BackupStatus.DONE, Backup.removed_at.is_(None))


def has_newer() -> ColumnElement[bool]:
    """Backups whose instance has a newer one that can be restored."""
    newer = aliased(Backup)
    return exists().where(
        newer.instance_id == Backup.instance_id,
        newer.status == BackupStatus.DONE,
        newer.removed_at.is_(None),
        or_(
            newer.taken_at > Backup.taken_at,
            and_(newer.taken_at == Backup.taken_at, newer.id > Backup.id),
        ),
    )


def stored_bytes() -> int:
    """How much all backups take in the store, encrypted."""
    total = (
        select(func.coalesce(func.sum(BackupPart.size), 0))
        .join(Backup, Backup.id == BackupPart.backup_id)
        .where(Backup.removed_at.is_(None))
    )
    return int(session().scalar(total) or 0)


def _locked(backup_id: uuid.UUID) -> Backup:
    backup: Backup | None = lock(Backup, backup_id)
    if backup is None:
        raise NoSuchBackup()
    return backup


def _note(backup: Backup, action: trail.Action, at: datetime, **details: object) -> None:
    trail.record(
        _OURSELVES,
        action,
        at=at,
        subject_kind="backup",
        subject_id=backup.id,
        instance_id=str(backup.instance_id),
        **details,
    )
