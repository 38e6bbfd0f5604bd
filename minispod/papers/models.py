"""Papers and their counters.

A paper is opened in the transaction of its ledger entry, one per entry, and issued right afterwards: then it gets its
number, seller, tax and language, all at once. From then on only `downloads` changes and nothing is deleted; a trigger
refuses the rest. Numbers of a series have no gaps (docs/adr/0018).
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah
from minispod.papers.states import Language, PaperKind


class Paper(Identified, Base):
    """A receipt, an invoice or a credit note about one ledger entry; amounts in rupiah, `tax_rate` in per cent."""

    __tablename__ = "papers"
    __table_args__ = (
        # Partial, so that numbering a paper is no update of a key, which would wait for whoever refers to the paper.
        Index("uq_papers_number", "number", unique=True, postgresql_where=text("number IS NOT NULL")),
        Index(
            "uq_papers_series_position",
            "series",
            "position",
            unique=True,
            postgresql_where=text("series IS NOT NULL"),
        ),
        CheckConstraint(
            "num_nulls(number, series, position, issued_at, seller, language, time_zone, tax_rate, net, tax)"
            " IN (0, 10)",
            name="issued_at_once",
        ),
        CheckConstraint("total > 0", name="total_positive"),
        CheckConstraint("net >= 0 AND tax >= 0 AND net + tax = total", name="adds_up"),
        Index("ix_papers_user_id_issued_at", "user_id", "issued_at"),
        Index(
            "ix_papers_issued_at_entry_number",
            "issued_at",
            "entry_number",
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index("ix_papers_waiting", "entry_number", postgresql_where=text("number IS NULL")),
    )

    kind: Mapped[PaperKind] = mapped_column(enum_column(PaperKind))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    entry_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("ledger_entries.id", ondelete="RESTRICT"), unique=True
    )
    entry_number: Mapped[int] = mapped_column(BigInteger)
    # By table name: papers lie below the subscriptions and know no model of theirs.
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    corrects_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("papers.id", ondelete="RESTRICT"), index=True
    )
    buyer: Mapped[dict[str, Any]]
    lines: Mapped[list[Any]]
    payment: Mapped[dict[str, Any]]
    total: Mapped[Rupiah] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime]
    opened_at: Mapped[datetime]

    number: Mapped[str | None] = mapped_column(String(24))
    series: Mapped[str | None] = mapped_column(String(12))
    position: Mapped[int | None]
    issued_at: Mapped[datetime | None]
    seller: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    language: Mapped[Language | None] = mapped_column(enum_column(Language))
    time_zone: Mapped[str | None] = mapped_column(String(40))
    tax_rate: Mapped[int | None]
    net: Mapped[Rupiah | None] = mapped_column(BigInteger)
    tax: Mapped[Rupiah | None] = mapped_column(BigInteger)
    corrects_number: Mapped[str | None] = mapped_column(String(24))
    downloads: Mapped[int] = mapped_column(default=0)

    @property
    def entry_code(self) -> str:
        """The transaction's number as people read it."""
        return f"TXMP-{self.entry_number}"

    @property
    def file_name(self) -> str:
        """How the file is called when it is saved or attached."""
        return f"{self.kind.value.lower().replace('_', '-')}-{self.number}.pdf"


class PaperCounter(Base):
    """The last number given in a series; locked while a number is taken, so that a rollback leaves no gap."""

    __tablename__ = "paper_counters"
    __table_args__ = (CheckConstraint("last >= 0", name="last_not_negative"),)

    series: Mapped[str] = mapped_column(String(12), primary_key=True)
    last: Mapped[int]
