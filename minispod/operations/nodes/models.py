"""What was and is done with nodes. At most one live row per node; a partial unique index sees to it.

`turn` grows with every claim, so that the outcome of a worker that was overtaken is recognised.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.operations.nodes.states import LIVE, BoundChoice, NodeAct, NodeActStatus, NodeStep

IS_LIVE = text("status IN ('PENDING', 'RUNNING')")


class NodeOperation(Identified, Base):
    """One act on one node, how far it is and what it met."""

    __tablename__ = "node_operations"
    __table_args__ = (
        Index("uq_node_operations_node_name_live", "node_name", unique=True, postgresql_where=IS_LIVE),
        Index("ix_node_operations_node_name_requested_at", "node_name", "requested_at"),
    )

    node_name: Mapped[str] = mapped_column(String(253))
    act: Mapped[NodeAct] = mapped_column(enum_column(NodeAct))
    status: Mapped[NodeActStatus] = mapped_column(enum_column(NodeActStatus))
    step: Mapped[NodeStep] = mapped_column(enum_column(NodeStep))
    turn: Mapped[int] = mapped_column(default=0)
    # What becomes of data that are on this node only; None but for a drain.
    bound: Mapped[BoundChoice | None] = mapped_column(enum_column(BoundChoice))
    # The instances that were on the node when the drain was asked for, as texts of their ids.
    instances: Mapped[list[Any]]
    # The operation that moves an instance, and why one was not moved; both by the instance's id.
    moves: Mapped[dict[str, Any]]
    refusals: Mapped[dict[str, Any]]
    # Pods that are still to leave, and pods that stay: what, and why. `sent_away` counts evictions that were accepted.
    waiting: Mapped[list[Any]]
    staying: Mapped[list[Any]]
    sent_away: Mapped[int] = mapped_column(default=0)
    # When something last changed; a drain that nothing happens in is given up.
    moved_on_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)

    requested_by: Mapped[str] = mapped_column(String(120))
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def is_live(self) -> bool:
        """Tell whether it is not at its end yet."""
        return self.status in LIVE
