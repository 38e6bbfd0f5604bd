"""Tables of usage: samples as they were taken, and hours and days made of them.

No foreign key to the instance: a check of it would wait for whoever works on an instance, each minute for all of
them, and instances are never deleted. CPU in millicores, memory and storage in megabytes (2**20 bytes).
"""

import uuid
from datetime import datetime

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, enum_column
from minispod.kernel.rollups import Grain


class UsageSample(Base):
    """What one instance used at one moment; None where it was not measured."""

    __tablename__ = "usage_samples"
    # A thousand rows share each moment, which makes this index small. A block range index would be smaller at first,
    # and useless once new rows fill the places of forgotten ones.
    __table_args__ = (Index("ix_usage_samples_at", "at"),)

    instance_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    cpu_milli: Mapped[int]
    memory_mb: Mapped[int]
    storage_mb: Mapped[int | None]


class UsageRollup(Base):
    """What one instance used in one hour or day of the shop's time zone; averages are rounded.

    `samples` counts the moments behind it, `storage_samples` those at which storage was measured.
    """

    __tablename__ = "usage_rollups"
    __table_args__ = (Index("ix_usage_rollups_grain_starts_at", "grain", "starts_at"),)

    instance_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    grain: Mapped[Grain] = mapped_column(enum_column(Grain, length=8), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    samples: Mapped[int]
    cpu_min: Mapped[int]
    cpu_avg: Mapped[int]
    cpu_max: Mapped[int]
    memory_min: Mapped[int]
    memory_avg: Mapped[int]
    memory_max: Mapped[int]
    storage_samples: Mapped[int] = mapped_column(Integer)
    storage_min: Mapped[int | None]
    storage_avg: Mapped[int | None]
    storage_max: Mapped[int | None]


class UsageProgress(Base):
    """Up to when samples have become hours, and hours days; one row each."""

    __tablename__ = "usage_progress"

    grain: Mapped[Grain] = mapped_column(enum_column(Grain, length=8), primary_key=True)
    done_until: Mapped[datetime]
