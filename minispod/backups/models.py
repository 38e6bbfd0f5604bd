"""Backups: what was copied of an instance, when and why, and where it lies until when.

A row is written before the first byte; only a DONE one has all of its parts in the store. Rows outlive the data:
`removed_at` says when the files went.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column


class BackupStatus(StrEnum):
    """How far a backup is."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class BackupReason(StrEnum):
    """Why it was taken."""

    DAILY = "daily"
    ON_DEMAND = "on_demand"
    BEFORE_DELETE = "before_delete"
    BEFORE_UPGRADE = "before_upgrade"
    BEFORE_MOVE = "before_move"


class Backup(Identified, Base):
    """One copy of one instance's data."""

    __tablename__ = "backups"
    __table_args__ = (
        Index("ix_backups_instance_id_taken_at", "instance_id", "taken_at", "id"),
        Index("ix_backups_user_id", "user_id"),
        Index("ix_backups_failed", "instance_id", "taken_at", postgresql_where=text("status = 'FAILED'")),
        # What still has files.
        Index("ix_backups_keep_until", "keep_until", postgresql_where=text("removed_at IS NULL")),
    )

    instance_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    service_slug: Mapped[str] = mapped_column(String(50))
    # The application's version whose data these are (the recipe's, e.g. "15.19").
    version: Mapped[str] = mapped_column(String(100))
    reason: Mapped[BackupReason] = mapped_column(enum_column(BackupReason))
    status: Mapped[BackupStatus] = mapped_column(enum_column(BackupStatus), default=BackupStatus.RUNNING)
    # The moment whose data it holds: when the first part began.
    taken_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    keep_until: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    # The instance's secrets as they were sealed then: some belong to the data (recipes: goes_with_data).
    sealed_secrets: Mapped[str | None] = mapped_column(Text)
    # All parts together, as the application wrote them; bytes.
    plain_size: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    # The newest drill that restored this very backup and found it whole.
    proven_at: Mapped[datetime | None]


class BackupPart(Identified, Base):
    """One file of a backup: a database's dump or a volume's archive, encrypted."""

    __tablename__ = "backup_parts"
    __table_args__ = (UniqueConstraint("backup_id", "name"),)

    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backups.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(15))
    key: Mapped[str] = mapped_column(String(300), unique=True)
    # What lies in the store (encrypted), and what the application wrote; bytes.
    size: Mapped[int] = mapped_column(BigInteger)
    plain_size: Mapped[int] = mapped_column(BigInteger)
    # SHA-256 of what the application wrote, in hex.
    plain_sha256: Mapped[str] = mapped_column(String(64))
    # The public half (age1...) of the key it is encrypted to.
    recipient: Mapped[str] = mapped_column(String(100))


class TroubleKind(StrEnum):
    """What may be wrong with an instance's backups."""

    FAILED = "failed"
    OVERDUE = "overdue"
