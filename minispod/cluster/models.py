"""Tables: what the nodes said over time, when one did not answer, and what the cluster last let us know."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.rollups import Grain


class NodeReading(Identified, Base):
    """One node at one poll; CPU in millicores, memory in megabytes (2**20 bytes). Appended, then forgotten."""

    __tablename__ = "node_readings"
    __table_args__ = (Index("ix_node_readings_name_at", "name", "at"), Index("ix_node_readings_at", "at"))

    name: Mapped[str] = mapped_column(String(253))
    at: Mapped[datetime]
    is_ready: Mapped[bool]
    is_schedulable: Mapped[bool]
    is_control_plane: Mapped[bool]
    cpu_allocatable: Mapped[int]
    memory_allocatable: Mapped[int]
    cpu_capacity: Mapped[int]
    memory_capacity: Mapped[int]
    pods_allocatable: Mapped[int]
    cpu_requested: Mapped[int]
    memory_requested: Mapped[int]
    pods_running: Mapped[int]
    cpu_used: Mapped[int | None]
    memory_used: Mapped[int | None]
    version: Mapped[str] = mapped_column(String(60))
    addresses: Mapped[list[Any]]
    conditions: Mapped[dict[str, Any]]
    node_created_at: Mapped[datetime | None]


class NodeRollup(Base):
    """One node in one hour or day of the shop's time zone: averages and the most, in the units of a reading.

    `samples` counts the readings behind it, `used_samples` those in which use was measured.
    """

    __tablename__ = "node_rollups"
    __table_args__ = (Index("ix_node_rollups_grain_starts_at", "grain", "starts_at"),)

    name: Mapped[str] = mapped_column(String(253), primary_key=True)
    grain: Mapped[Grain] = mapped_column(enum_column(Grain, length=8), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    samples: Mapped[int]
    ready_samples: Mapped[int]
    cpu_allocatable: Mapped[int]
    memory_allocatable: Mapped[int]
    cpu_requested_avg: Mapped[int]
    cpu_requested_max: Mapped[int]
    memory_requested_avg: Mapped[int]
    memory_requested_max: Mapped[int]
    used_samples: Mapped[int]
    cpu_used_avg: Mapped[int | None]
    cpu_used_max: Mapped[int | None]
    memory_used_avg: Mapped[int | None]
    memory_used_max: Mapped[int | None]


class NodeProgress(Base):
    """Up to when readings have become hours, and hours days; one row each."""

    __tablename__ = "node_progress"

    grain: Mapped[Grain] = mapped_column(enum_column(Grain, length=8), primary_key=True)
    done_until: Mapped[datetime]


class NodeSpell(Identified, Base):
    """A span in which a node was not as it should be, though it answered: short of something, or out of service."""

    __tablename__ = "node_spells"
    __table_args__ = (
        Index(
            "uq_node_spells_node_name_condition_open",
            "node_name",
            "condition",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_node_spells_node_name_began_at", "node_name", "began_at"),
    )

    node_name: Mapped[str] = mapped_column(String(253))
    # As the cluster calls it ("MemoryPressure"), or OUT_OF_SERVICE.
    condition: Mapped[str] = mapped_column(String(120))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class NodeOutage(Identified, Base):
    """A span in which a node did not answer; kept, as people were told of it."""

    __tablename__ = "node_outages"
    __table_args__ = (
        Index(
            "uq_node_outages_node_name_open",
            "node_name",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    node_name: Mapped[str] = mapped_column(String(253))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # It ended because the node was taken out of the cluster, not because it came back.
    is_removed: Mapped[bool] = mapped_column(default=False, server_default=false())
    # When its beginning and its end were told to those whom it touches.
    told_at: Mapped[datetime | None]
    end_told_at: Mapped[datetime | None]


class ClusterSight(Base):
    """The rows of one of the staff's lists, as they were last seen."""

    __tablename__ = "cluster_sights"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    seen_at: Mapped[datetime]
    rows: Mapped[list[Any]]


class ClusterState(Base):
    """One row: when the nodes were last read and what they hold, and what has been wrong with the cluster since."""

    __tablename__ = "cluster_state"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint(
            "num_nulls(cpu_allocatable, memory_allocatable, pods_allocatable, cpu_of_biggest, memory_of_biggest)"
            " IN (0, 5)",
            name="allocatable_is_whole",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    answered_at: Mapped[datetime | None]
    # What the workers of that reading hold (capacity.Allocatable): what each order asks for. None: no node was seen.
    cpu_allocatable: Mapped[int | None]
    memory_allocatable: Mapped[int | None]
    pods_allocatable: Mapped[int | None]
    cpu_of_biggest: Mapped[int | None]
    memory_of_biggest: Mapped[int | None]
    silent_since: Mapped[datetime | None]
    # Why no node tells what is used of volumes, in a sentence for staff; None while they do.
    storage_refusal: Mapped[str | None] = mapped_column(Text)
