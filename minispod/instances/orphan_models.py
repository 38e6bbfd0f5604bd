"""What carries our labels in the cluster and belongs to no instance, as last found."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column


class OrphanKind(StrEnum):
    """What was found."""

    WORKLOAD = "WORKLOAD"
    CLAIM = "CLAIM"
    NAMESPACE = "NAMESPACE"


class OrphanWish(StrEnum):
    """What an administrator decided; carried out by a job."""

    REMOVE = "REMOVE"
    REPLACE = "REPLACE"


class Orphan(Identified, Base):
    """One object nobody owns. The row goes when the object is gone, or owned again."""

    __tablename__ = "orphans"
    __table_args__ = (UniqueConstraint("kind", "namespace", "name"),)

    kind: Mapped[OrphanKind] = mapped_column(enum_column(OrphanKind))
    namespace: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(253))
    # The instance its label names, and the one of the same name that lives: either may be unknown.
    instance_label: Mapped[str] = mapped_column(String(63))
    instance_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    is_trial: Mapped[bool]
    size: Mapped[str | None] = mapped_column(String(20))
    made_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    wish: Mapped[OrphanWish | None] = mapped_column(enum_column(OrphanWish))
    wished_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
