"""An act on many instances, and each of them: the progress is in rows, so that it survives whoever makes it."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.subscriptions.bulk.states import BulkAct, ItemState


class BulkBatch(Identified, Base):
    """One act that an administrator asked for; the key of the form makes a double click one batch."""

    __tablename__ = "bulk_batches"
    __table_args__ = (
        UniqueConstraint("request_key"),
        Index("ix_bulk_batches_requested_at", "requested_at"),
    )

    act: Mapped[BulkAct] = mapped_column(enum_column(BulkAct))
    request_key: Mapped[uuid.UUID]
    requested_by: Mapped[str] = mapped_column(String(120))
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    requested_from: Mapped[str | None] = mapped_column(String(45))
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class BulkItem(Base):
    """One instance of a batch; `position` is its turn."""

    __tablename__ = "bulk_items"
    __table_args__ = (Index("ix_bulk_items_instance_id", "instance_id"),)

    batch_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("bulk_batches.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    instance_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    state: Mapped[ItemState] = mapped_column(enum_column(ItemState), default=ItemState.WAITING)
    # Of a control: the wish that was recorded. Of a backup: the operation that takes it.
    generation: Mapped[int | None]
    operation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("operations.id", ondelete="SET NULL"))
    # Why it was refused or failed, for a person.
    reason: Mapped[str | None] = mapped_column(Text)
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
