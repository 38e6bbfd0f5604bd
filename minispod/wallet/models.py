"""Wallets and the ledger.

`Wallet.balance` is a cached sum of the ledger; it may be below zero only by `gateway_debt`, the part
the gateway took back after it was spent (decision 14). Entries are append-only (a trigger refuses
UPDATE and DELETE) and unique by (kind, reference): the database itself refuses the same top-up or
period twice.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Sequence, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah

TRANSACTION_NUMBERS = Sequence("transaction_numbers", start=101, metadata=Base.metadata)


class EntryType(StrEnum):
    """The transaction types of the wire contract."""

    TOP_UP = "TOP_UP"
    SUBSCRIPTION = "SUBSCRIPTION"
    UPGRADE = "UPGRADE"
    REFUND = "REFUND"
    ADMIN_ADJUSTMENT = "ADMIN_ADJUSTMENT"
    COUPON_REDEMPTION = "COUPON_REDEMPTION"


class EntryKind(StrEnum):
    """Which act wrote the entry; with `reference` it names the act uniquely."""

    TOPUP = "topup"
    TOPUP_REVERSAL = "topup_reversal"
    PERIOD = "period"
    PERIOD_REFUND = "period_refund"
    ADJUSTMENT = "adjustment"
    OPENING = "opening"
    COUPON = "coupon"


class Wallet(Base):
    """One customer's credit."""

    __tablename__ = "wallets"
    __table_args__ = (
        CheckConstraint("balance + gateway_debt >= 0", name="covered"),
        CheckConstraint("gateway_debt >= 0", name="debt_not_negative"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), primary_key=True)
    balance: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    gateway_debt: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    total_top_up: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    total_spent: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LedgerEntry(Identified, Base):
    """One movement of credit; `delta` is signed, `amount` is its size as the wire shows it."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("kind", "reference"),
        Index("ix_ledger_entries_user_id_created_at", "user_id", "created_at"),
        Index("ix_ledger_entries_created_at", "created_at"),
        CheckConstraint("amount = abs(delta)", name="amount_is_size"),
        CheckConstraint("balance_after = balance_before + delta", name="adds_up"),
    )

    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wallets.user_id", ondelete="RESTRICT"))
    type: Mapped[EntryType] = mapped_column(enum_column(EntryType))
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind))
    reference: Mapped[str] = mapped_column(String(120))
    amount: Mapped[Rupiah] = mapped_column(BigInteger)
    delta: Mapped[Rupiah] = mapped_column(BigInteger)
    balance_before: Mapped[Rupiah] = mapped_column(BigInteger)
    balance_after: Mapped[Rupiah] = mapped_column(BigInteger)
    description: Mapped[str] = mapped_column(String(200))
    payment_method: Mapped[str | None] = mapped_column(String(40))
    # By table name: the wallet lies below the subscriptions and knows no model of theirs.
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]
    actor_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]

    @property
    def custom_id(self) -> str:
        """The number people read: TXMP-<n>."""
        return f"TXMP-{self.number}"
