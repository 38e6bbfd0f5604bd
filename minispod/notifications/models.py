"""Queued and sent messages. `dedupe_key` is unique: the same event never tells a person twice."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.notifications.messages import MessageKind


class DeliveryState(StrEnum):
    """Where a message is on its way."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


class Notification(Identified, Base):
    """One message to one person."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_user_id_created_at", "user_id", "created_at"),
        # Few, and looked for with each view of the administration's first page.
        Index("ix_notifications_failed", "created_at", postgresql_where=text("state = 'FAILED'")),
    )

    kind: Mapped[MessageKind] = mapped_column(enum_column(MessageKind))
    user_id: Mapped[uuid.UUID | None]
    to_name: Mapped[str] = mapped_column(String(100))
    to_address: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(5), default="en")
    dedupe_key: Mapped[str] = mapped_column(String(160), unique=True)
    # Public facts only: secrets are looked up when the message is written, never stored here in clear.
    facts: Mapped[dict[str, Any]]
    # Ledger entries whose papers go with the message; they are drawn when it leaves.
    entry_ids: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[DeliveryState] = mapped_column(enum_column(DeliveryState), default=DeliveryState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
