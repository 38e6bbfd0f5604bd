"""Tables of the alert book: alerts, and the bulletins in which staff were told of them.

At most one alert of a rule and a subject is open; what comes back after its end is a new row, so that the rows of one
subject are its history.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.alerts.kinds import Rule, Severity
from minispod.kernel.database import Base, Identified, enum_column


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"


class BulletinState(StrEnum):
    """Whether the operator's webhook took a bulletin; UNWANTED: there is none."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"
    UNWANTED = "UNWANTED"


class Alert(Identified, Base):
    """Something that needs staff, from when to when, and who took it up."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "uq_alerts_open",
            "rule",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_alerts_opened_at", "opened_at", "id"),
        Index("ix_alerts_resolved_at", "resolved_at"),
        Index("ix_alerts_subject", "rule", "subject_kind", "subject_id", "opened_at"),
    )

    rule: Mapped[Rule] = mapped_column(enum_column(Rule))
    severity: Mapped[Severity] = mapped_column(enum_column(Severity))
    # What it is about: "instance" and an id, "node" and a name; `subject_name` is how people call it.
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(120))
    subject_name: Mapped[str] = mapped_column(String(200))
    facts: Mapped[dict[str, Any]]
    # The occasions that staff were told of: the same one is told once, another one of an open alert again.
    occasions: Mapped[list[Any]]
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[uuid.UUID | None]
    note: Mapped[str | None] = mapped_column(Text)
    silenced_until: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    # Who resolved it; None: it ended by itself.
    resolved_by: Mapped[uuid.UUID | None]

    @property
    def state(self) -> AlertState:
        """Where it stands."""
        if self.resolved_at is not None:
            return AlertState.RESOLVED
        return AlertState.OPEN if self.acknowledged_at is None else AlertState.ACKNOWLEDGED

    def is_silent(self, at: datetime) -> bool:
        """Tell whether nobody wants to be told of it at the moment."""
        return self.silenced_until is not None and self.silenced_until > at


class AlertBulletin(Identified, Base):
    """What staff were told at one moment: by mail, and by the operator's webhook if there is one."""

    __tablename__ = "alert_bulletins"
    __table_args__ = (Index("ix_alert_bulletins_at", "at"),)

    at: Mapped[datetime]
    # Ids and words of the alerts that were raised and that ended; the first hundred of each, beside how many there are.
    content: Mapped[dict[str, Any]]
    state: Mapped[BulletinState] = mapped_column(enum_column(BulletinState), default=BulletinState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
