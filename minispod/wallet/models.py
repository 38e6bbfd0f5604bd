"""Wallets and the ledger.

`Wallet.balance` is a cached sum of the ledger; it may be below zero only by `gateway_debt`, the part
taken back after it was spent (decision 14). Entries are append-only (triggers refuse UPDATE, DELETE and
TRUNCATE), unique by (kind, reference), and chained: each begins where the wallet's last one ended and takes
the next position. The database itself refuses the same top-up or period twice, and a gap.
"""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    FetchedValue,
    ForeignKey,
    Index,
    Sequence,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah
from minispod.wallet.states import AdjustmentState

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
    UPGRADE = "upgrade"
    UPGRADE_REFUND = "upgrade_refund"
    ADJUSTMENT = "adjustment"
    OPENING = "opening"
    COUPON = "coupon"


CHARGE_REFUNDS = frozenset({EntryKind.PERIOD_REFUND, EntryKind.UPGRADE_REFUND})
"""What gives a charge back: it lessens what was spent, it is no money that came in."""

# Spent is every debit that is no reversal, less refunds of charges; topped up is the rest. Without other mistakes
# the balance is therefore topped up less spent.
REVERSALS = frozenset({EntryKind.TOPUP_REVERSAL})


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
        UniqueConstraint("user_id", "position"),
        Index("ix_ledger_entries_user_id_created_at", "user_id", "created_at"),
        # With what revenue is summed from, so that reports read the index alone.
        Index(
            "ix_ledger_entries_created_at",
            "created_at",
            postgresql_include=["type", "kind", "delta", "subscription_id"],
        ),
        Index("ix_ledger_entries_type_number", "type", "number"),
        Index("ix_ledger_entries_amount_number", "amount", "number"),
        CheckConstraint("amount = abs(delta)", name="amount_is_size"),
        CheckConstraint("balance_after = balance_before + delta", name="adds_up"),
    )

    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wallets.user_id", ondelete="RESTRICT"))
    # Counted from 1 in each wallet, by the trigger that checks the chain.
    position: Mapped[int] = mapped_column(server_default=FetchedValue())
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


class WalletSnapshot(Base):
    """What a wallet held at the end of a day, up to which entry; there is none for a day without movement.

    The proof reads on from the last one instead of from the first entry. Dropped when old, never rewritten.
    """

    __tablename__ = "wallet_snapshots"

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("wallets.user_id", ondelete="RESTRICT"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    balance: Mapped[Rupiah] = mapped_column(BigInteger)
    position: Mapped[int]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ledger_entries.id", ondelete="RESTRICT"))
    taken_at: Mapped[datetime]


class Adjustment(Identified, Base):
    """A correction of a wallet that an administrator asked for; `delta` is signed.

    Its ledger entry is there if and only if it was applied.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        UniqueConstraint("requested_by", "request_key"),
        CheckConstraint("delta <> 0", name="moves_something"),
        CheckConstraint("(state = 'APPLIED') = (entry_id IS NOT NULL)", name="applied_by_an_entry"),
        CheckConstraint("(state = 'PENDING') = (decided_at IS NULL)", name="decided_once"),
        Index("ix_adjustments_user_id_requested_at", "user_id", "requested_at"),
        Index("ix_adjustments_expires_at_pending", "expires_at", postgresql_where=text("state = 'PENDING'")),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("wallets.user_id", ondelete="RESTRICT"))
    delta: Mapped[Rupiah] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(String(500))
    # Whether it may take the wallet below zero; what is missing then is owed (decision 14).
    may_owe: Mapped[bool]
    state: Mapped[AdjustmentState] = mapped_column(enum_column(AdjustmentState))
    request_key: Mapped[str | None] = mapped_column(String(100))
    requested_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    requested_at: Mapped[datetime]
    # Only what waits for a second confirmation has one.
    expires_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    decided_at: Mapped[datetime | None]
    entry_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("ledger_entries.id", ondelete="RESTRICT"), unique=True
    )
