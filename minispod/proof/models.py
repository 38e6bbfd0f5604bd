"""What was proven when, and what did not agree. Kept for some time (settings), then forgotten."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified


class ProofRun(Identified, Base):
    """One proof: `differences` counts all that were found, `checks` has the figures of each check."""

    __tablename__ = "proof_runs"
    __table_args__ = (Index("ix_proof_runs_at", "at"),)

    cause: Mapped[str] = mapped_column(String(20))
    asked_by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(Float)
    differences: Mapped[int]
    # Checks that could not be brought to an end in time. They prove nothing.
    unfinished: Mapped[int]
    # The same differences have the same digest, in whatever order they are found.
    digest: Mapped[str] = mapped_column(String(64))
    checks: Mapped[list[Any]]

    @property
    def is_clean(self) -> bool:
        """Tell whether everything was looked at and agreed."""
        return self.differences == 0 and self.unfinished == 0


class ProofDifference(Identified, Base):
    """One thing that did not agree. Of a check with very many only the first are kept."""

    __tablename__ = "proof_differences"
    __table_args__ = (Index("ix_proof_differences_run_id", "run_id"),)

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("proof_runs.id", ondelete="CASCADE"))
    check: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(20))
    # Mostly an id; what has no row of ours any more is named by what the ledger calls it.
    subject_id: Mapped[str] = mapped_column(String(120))
    user_id: Mapped[uuid.UUID | None]
    facts: Mapped[dict[str, Any]]
    repaired_at: Mapped[datetime | None]
    repaired_by: Mapped[str | None] = mapped_column(String(120))
