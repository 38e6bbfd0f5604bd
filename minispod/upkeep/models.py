"""How each periodic job last went: one row a job, written by whoever ran it."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base


class PeriodicRun(Base):
    """The newest run of one periodic job. Without an end it is under way, or its process was killed."""

    __tablename__ = "periodic_runs"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # What went wrong, in one line; None: it did what it is for.
    error: Mapped[str | None] = mapped_column(Text)
    # When a run last did what it is for.
    succeeded_at: Mapped[datetime | None]
