"""Tables of uptime: when each instance was up or down, and when anybody was looking.

A span without a row is time in which the instance was not meant to run. Time of a span outside every watch is
unknown: nobody saw whether what was last seen was still true.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, enum_column


class Standing(StrEnum):
    """How an instance that is meant to run was seen."""

    UP = "UP"
    DOWN = "DOWN"


class AvailabilitySpan(Base):
    """A stretch of time in which an instance was meant to run and seen as one thing; `ended_at` None: still."""

    __tablename__ = "availability_spans"
    __table_args__ = (
        Index(
            "uq_availability_spans_open",
            "instance_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint("ended_at > began_at", name="in_order"),
    )

    instance_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("instances.id", ondelete="RESTRICT"), primary_key=True
    )
    began_at: Mapped[datetime] = mapped_column(primary_key=True)
    standing: Mapped[Standing] = mapped_column(enum_column(Standing, length=8))
    ended_at: Mapped[datetime | None]


class ClusterWatch(Base):
    """A stretch of time in which the cluster was looked at again and again, and answered."""

    __tablename__ = "cluster_watches"
    __table_args__ = (CheckConstraint("until >= began_at", name="in_order"),)

    began_at: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]
