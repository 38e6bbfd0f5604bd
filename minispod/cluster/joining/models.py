"""Tokens with which workers may join. A partial unique index lets one live row have a token of the cluster."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.cluster.joining.states import LIVE, JoinEnd, JoinState
from minispod.kernel.database import Base, Identified, enum_column


class NodeJoin(Identified, Base):
    """One token for one machine, what that machine is to be, and what became of it."""

    __tablename__ = "node_joins"
    __table_args__ = (
        Index(
            "uq_node_joins_slot_live",
            "slot",
            unique=True,
            postgresql_where=text("state IN ('ASKED', 'READY', 'ENDING')"),
        ),
        Index("ix_node_joins_requested_at", "requested_at"),
    )

    # The public part of the token, which names its Secret.
    slot: Mapped[str] = mapped_column(String(6))
    state: Mapped[JoinState] = mapped_column(enum_column(JoinState))
    # What it will be when the token is out of the cluster.
    ends_as: Mapped[JoinEnd | None] = mapped_column(enum_column(JoinEnd))
    # The secret part; None as soon as it was shown.
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    # What the machine pins: the hash of the cluster's authority, known when the token is in the cluster.
    authority_hash: Mapped[str | None] = mapped_column(String(64))
    wanted_name: Mapped[str | None] = mapped_column(String(63))
    labels: Mapped[list[Any]]
    taints: Mapped[list[Any]]
    expires_at: Mapped[datetime]
    shown_at: Mapped[datetime | None]
    # The node that came with it.
    node_name: Mapped[str | None] = mapped_column(String(253))
    error: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(String(120))
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @property
    def is_live(self) -> bool:
        """Tell whether its token is, or may be, in the cluster."""
        return self.state in LIVE
