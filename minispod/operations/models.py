"""Operations: what is to be done with an instance's data, how far it is, and what it has made so far.

At most one live one per instance; a partial unique index sees to it. `turn` grows with every claim, so that the
outcome of a worker that was overtaken is recognised.
"""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.backups.models import BackupReason
from minispod.kernel.database import Base, Identified, enum_column
from minispod.operations.states import LIVE, OperationKind, OperationStatus, Step


class Operation(Identified, Base):
    """One piece of work with the data of one instance."""

    __tablename__ = "operations"
    __table_args__ = (
        Index(
            "uq_operations_instance_id_live",
            "instance_id",
            unique=True,
            postgresql_where=text("status IN ('PENDING', 'RUNNING')"),
        ),
        Index("ix_operations_instance_id_requested_at", "instance_id", "requested_at"),
        Index("ix_operations_status", "status"),
    )

    instance_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    kind: Mapped[OperationKind] = mapped_column(enum_column(OperationKind))
    status: Mapped[OperationStatus] = mapped_column(
        enum_column(OperationStatus), default=OperationStatus.PENDING
    )
    step: Mapped[Step] = mapped_column(enum_column(Step), default=Step.BEGIN)
    step_since: Mapped[datetime]
    # How often it was begun from the start, and how often any worker took it up.
    attempts: Mapped[int] = mapped_column(default=0)
    turn: Mapped[int] = mapped_column(default=0)
    # A step that writes data was begun: if it is found begun, the attempt is thrown away.
    is_under_way: Mapped[bool] = mapped_column(default=False)
    # The application ran before and is to run again afterwards.
    resumes: Mapped[bool] = mapped_column(default=False)
    # The application must be stopped to be copied: the command beside it failed while it ran.
    must_stand_still: Mapped[bool] = mapped_column(default=False)
    # Why it failed, for the customer; set as soon as the way back begins.
    error: Mapped[str | None] = mapped_column(Text)
    # Whether another attempt may help.
    may_retry: Mapped[bool] = mapped_column(default=True)

    # Why a backup is taken (also the copy that a move or an upgrade makes).
    backup_reason: Mapped[BackupReason | None] = mapped_column(enum_column(BackupReason))
    # The backup that is made, and the one that is restored.
    backup_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("backups.id", ondelete="RESTRICT"))
    source_backup_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("backups.id", ondelete="RESTRICT"))
    target_node: Mapped[str | None] = mapped_column(String(253))
    avoid_node: Mapped[str | None] = mapped_column(String(253))
    from_version: Mapped[str | None] = mapped_column(String(100))
    target_version: Mapped[str | None] = mapped_column(String(100))
    # The volume it came from and the one it fills.
    old_volume: Mapped[int | None]
    fresh_volume: Mapped[int | None]
    # The kept volume that it goes back to.
    target_volume: Mapped[int | None]

    requested_by: Mapped[str] = mapped_column(String(120))
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def is_live(self) -> bool:
        """Tell whether it is not at its end yet."""
        return self.status in LIVE

    @property
    def is_going_back(self) -> bool:
        """Tell whether it failed and is being undone."""
        return self.step in (Step.GO_BACK, Step.UNDO)

    def take_step(self, step: Step, at: datetime) -> None:
        """Stand at `step` from now on."""
        self.step = step
        self.step_since = at
        self.is_under_way = False


class Drill(Identified, Base):
    """One backup restored to see whether it can be; `error` says why not."""

    __tablename__ = "drills"
    __table_args__ = (Index("ix_drills_requested_at", "requested_at"),)

    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backups.id", ondelete="CASCADE"))
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
