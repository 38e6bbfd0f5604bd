"""Tickets, their messages and the pictures attached to them.

The number of a ticket comes from a sequence: there may be gaps, and never two alike. Messages are numbered within their
ticket under its lock; up to which number each side has read is kept on the ticket. An attachment without a ticket is a
file that may be removed: it was never finished, or its ticket is gone.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Sequence,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.tickets.states import TicketPriority, TicketStatus

TICKET_NUMBERS = Sequence("ticket_numbers", metadata=Base.metadata)


class Ticket(Identified, Base):
    """One conversation with one customer."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_user_id_created_at", "user_id", "created_at"),
        Index("ix_tickets_created_at", "created_at"),
        Index("ix_tickets_instance_id", "instance_id", postgresql_where=text("instance_id IS NOT NULL")),
        Index(
            "ix_tickets_answer_due_at",
            "answer_due_at",
            postgresql_where=text("first_answered_at IS NULL AND status <> 'CLOSED'"),
        ),
        CheckConstraint("(status = 'CLOSED') = (closed_at IS NOT NULL)", name="closed_when"),
    )

    number: Mapped[int] = mapped_column(BigInteger, TICKET_NUMBERS, unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    subject: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    status: Mapped[TicketStatus] = mapped_column(enum_column(TicketStatus), default=TicketStatus.OPEN)
    priority: Mapped[TicketPriority] = mapped_column(
        enum_column(TicketPriority), default=TicketPriority.NORMAL
    )
    # The instance it is about, and how that was when the ticket was opened.
    instance_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("instances.id", ondelete="SET NULL"))
    instance_state: Mapped[dict[str, Any] | None]
    message_count: Mapped[int] = mapped_column(default=0)
    # The numbers of the newest messages each side has read; None: no administrator has opened it yet.
    customer_read: Mapped[int] = mapped_column(default=0)
    staff_read: Mapped[int | None]
    answer_due_at: Mapped[datetime]
    first_answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def code(self) -> str:
        """The number as people read it: "#001"."""
        return f"#{self.number:03d}"

    @property
    def is_closed(self) -> bool:
        """Tell whether it is closed."""
        return self.status is TicketStatus.CLOSED


class TicketMessage(Identified, Base):
    """What somebody wrote in a ticket; numbered from 1 within it. Without an author: the account is gone."""

    __tablename__ = "ticket_messages"
    __table_args__ = (
        UniqueConstraint("ticket_id", "number"),
        Index("ix_ticket_messages_author_id", "author_id"),
    )

    ticket_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    number: Mapped[int]
    author_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    # Written at the administrators' door, whoever wrote it.
    is_admin_reply: Mapped[bool]
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class TicketAttachment(Identified, Base):
    """One picture in the file store: of a message, or of the ticket itself (without a message)."""

    __tablename__ = "ticket_attachments"
    __table_args__ = (
        Index("ix_ticket_attachments_ticket_id", "ticket_id"),
        Index("ix_ticket_attachments_message_id", "message_id"),
        Index("ix_ticket_attachments_loose", "created_at", postgresql_where=text("ticket_id IS NULL")),
    )

    ticket_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"))
    message_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("ticket_messages.id", ondelete="SET NULL")
    )
    uploaded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    filename: Mapped[str] = mapped_column(String(120))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    mime_type: Mapped[str] = mapped_column(String(40))
    # Bytes as they lie in the store.
    size: Mapped[int]
    created_at: Mapped[datetime]


class CannedAnswer(Identified, Base):
    """An answer that is written once and sent often; its placeholders are filled from the ticket."""

    __tablename__ = "canned_answers"

    name: Mapped[str] = mapped_column(String(80), unique=True)
    text_en: Mapped[str] = mapped_column(Text)
    text_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def text(self, language: str) -> str:
        """Its text in Indonesian for "id", else in English."""
        return self.text_id if language == "id" else self.text_en
