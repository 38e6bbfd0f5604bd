"""What owners set in the environment of their instances, and which credentials were changed. Values are sealed.

The rows belong to the instance: whoever changes one has locked the instance first.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column


class EnvironmentState(StrEnum):
    """How far the newest change is: under way until the instance has run with it."""

    APPLYING = "APPLYING"
    APPLIED = "APPLIED"
    UNDONE = "UNDONE"


class OwnEnvironment(Base):
    """The values an owner set for one instance, and those before the newest change. Names are readable."""

    __tablename__ = "instance_environments"

    instance_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("instances.id", ondelete="RESTRICT"), primary_key=True
    )
    names: Mapped[list[Any]]
    sealed: Mapped[str] = mapped_column(Text)
    names_before: Mapped[list[Any]]
    sealed_before: Mapped[str] = mapped_column(Text)
    state: Mapped[EnvironmentState] = mapped_column(enum_column(EnvironmentState))
    # Whether it ran before the change: then a change with which it does not come up is taken back.
    is_trial: Mapped[bool]
    changed_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)

    def swap(self) -> None:
        """Go back to the values before the newest change, which become those to go back to."""
        self.names, self.names_before = self.names_before, self.names
        self.sealed, self.sealed_before = self.sealed_before, self.sealed


class RotationState(StrEnum):
    """How far the change of a credential is."""

    ASKED = "ASKED"
    DONE = "DONE"
    FAILED = "FAILED"


class SecretRotation(Identified, Base):
    """One change of one credential. The new value lies here, sealed, until it is the credential.

    A failed one keeps it: asking again continues with the same value, whatever the first attempt did.
    """

    __tablename__ = "secret_rotations"
    __table_args__ = (
        Index(
            "uq_secret_rotations_one_asked",
            "instance_id",
            unique=True,
            postgresql_where=text("state = 'ASKED'"),
        ),
        Index("ix_secret_rotations_instance_id_asked_at", "instance_id", "asked_at"),
    )

    instance_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(100))
    sealed_new: Mapped[str | None] = mapped_column(Text)
    state: Mapped[RotationState] = mapped_column(enum_column(RotationState))
    attempts: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
