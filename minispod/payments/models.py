"""Top-ups, the gateway's notices about them, our looks at the gateway, and refunds we asked it for.

A top-up names the transaction that paid it if and only if it is in a credited state, and never has more
taken back than it brought. A notice is stored before anything is made of it; a repeat of the same bytes
is the same row. Nothing personal and no signature is kept. At most one refund of a top-up is under way.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah
from minispod.payments.gateway import PaymentGroup
from minispod.payments.states import CREDITED, TAKEN_BACK, RefundState, TopUpState

_CREDITED_SQL = ", ".join(f"'{state.value}'" for state in sorted(CREDITED))
_TAKEN_BACK_SQL = ", ".join(f"'{state.value}'" for state in sorted(TAKEN_BACK))


def called(group: PaymentGroup, *, is_second: bool) -> str:
    """How the transaction list calls a top-up."""
    name = f"Top-up credit via {group.value}"
    return f"{name} (paid a second time)" if is_second else name


class TopUp(Identified, Base):
    """One order to be paid at the gateway; `order_id` is its name there.

    The customer pays `payable`, the wallet gets `amount`. A second payment of one order is a row of its own
    (`second_of`), which never credits by itself.
    """

    __tablename__ = "topups"
    __table_args__ = (
        UniqueConstraint("user_id", "request_key"),
        UniqueConstraint("second_of", "transaction_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("fee >= 0", name="fee_not_negative"),
        CheckConstraint("reversed_amount BETWEEN 0 AND amount", name="reversed_within_amount"),
        CheckConstraint(
            f"(state IN ({_CREDITED_SQL})) = (paid_transaction_id IS NOT NULL)", name="paid_by_a_transaction"
        ),
        CheckConstraint(
            f"(state IN ({_TAKEN_BACK_SQL})) = (reversed_amount = amount)", name="taken_back_whole"
        ),
        Index("ix_topups_user_id_created_at", "user_id", "created_at"),
        Index("ix_topups_state_number", "state", "number"),
        Index("ix_topups_amount_number", "amount", "number"),
        Index("ix_topups_transaction_id", "transaction_id"),
        Index("ix_topups_paid_transaction_id", "paid_transaction_id"),
        Index("ix_topups_next_poll_at", "next_poll_at", postgresql_where=text("next_poll_at IS NOT NULL")),
    )

    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    order_id: Mapped[str] = mapped_column(String(50), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    amount: Mapped[Rupiah] = mapped_column(BigInteger)
    fee: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    second_of: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("topups.id", ondelete="RESTRICT"))
    payment_group: Mapped[PaymentGroup] = mapped_column(enum_column(PaymentGroup))
    state: Mapped[TopUpState] = mapped_column(enum_column(TopUpState), default=TopUpState.PENDING)
    request_key: Mapped[str | None] = mapped_column(String(100))
    snap_token: Mapped[str | None] = mapped_column(String(100))
    redirect_url: Mapped[str | None] = mapped_column(String(300))
    # Until when somebody may be talking to the gateway about the checkout of this order.
    checkout_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    # The attempt heard of last; one order may see several, each with an id of its own.
    transaction_id: Mapped[str | None] = mapped_column(String(64))
    paid_transaction_id: Mapped[str | None] = mapped_column(String(64))
    # A payment that never became credit and that a person gave back; it is not held again.
    returned_transaction_id: Mapped[str | None] = mapped_column(String(64))
    payment_type: Mapped[str | None] = mapped_column(String(40))
    gateway_state: Mapped[str | None] = mapped_column(String(40))
    reversed_amount: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    review_reason: Mapped[str | None] = mapped_column(String(40))
    next_poll_at: Mapped[datetime | None]
    polls: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    @property
    def custom_id(self) -> str:
        """The number people read; the ledger entry of the credit has the same."""
        return f"TXMP-{self.number}"

    @property
    def description(self) -> str:
        """How the transaction list calls it."""
        return called(self.payment_group, is_second=self.second_of is not None)

    @property
    def payable(self) -> int:
        """What the customer pays for it."""
        return self.amount + self.fee

    @property
    def gateway_order_id(self) -> str:
        """The order's name at the gateway; a second payment has the first one's."""
        return self.order_id if self.second_of is None else self.order_id.rpartition("-")[0]

    @property
    def payment_method(self) -> str:
        """The chosen group as transaction lists name it."""
        return f"MIDTRANS_{self.payment_group.value}"

    @property
    def can_be_paid(self) -> bool:
        """Tell whether the payment page may be offered."""
        return self.state is TopUpState.PENDING and self.snap_token is not None


class GatewayNotice(Identified, Base):
    """One authentic notification, as it said; `verdict` is what was made of it."""

    __tablename__ = "gateway_notices"
    __table_args__ = (
        Index("ix_gateway_notices_order_id", "order_id"),
        Index("ix_gateway_notices_transaction_id", "transaction_id"),
        Index(
            "ix_gateway_notices_received_at_unsettled",
            "received_at",
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    digest: Mapped[str] = mapped_column(String(64), unique=True)
    order_id: Mapped[str] = mapped_column(String(50))
    transaction_id: Mapped[str] = mapped_column(String(64))
    transaction_status: Mapped[str] = mapped_column(String(40))
    gross_amount: Mapped[Rupiah] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(10))
    merchant_id: Mapped[str | None] = mapped_column(String(50))
    facts: Mapped[dict[str, Any]]
    deliveries: Mapped[int] = mapped_column(default=1)
    received_at: Mapped[datetime]
    # When its settling was left to a job; None while the webhook itself is at it.
    queued_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    verdict: Mapped[str | None] = mapped_column(String(40))


class GatewayLook(Identified, Base):
    """What the gateway answered when we asked; the same answer again and again is one row."""

    __tablename__ = "gateway_looks"
    __table_args__ = (Index("ix_gateway_looks_topup_id_last_at", "topup_id", "last_at"),)

    topup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("topups.id", ondelete="RESTRICT"))
    asked_by: Mapped[str] = mapped_column(String(120))
    said: Mapped[str] = mapped_column(String(40))
    transaction_id: Mapped[str | None] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(40))
    times: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class TopUpRefund(Identified, Base):
    """Money we asked the gateway to give back; without `amount` it is all that is left of the payment."""

    __tablename__ = "topup_refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_topup_refunds_topup_id", "topup_id"),
        Index(
            "uq_topup_refunds_under_way",
            "topup_id",
            unique=True,
            postgresql_where=text("state IN ('ASKED', 'SENT')"),
        ),
    )

    topup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("topups.id", ondelete="RESTRICT"))
    transaction_id: Mapped[str] = mapped_column(String(64))
    refund_key: Mapped[str] = mapped_column(String(50), unique=True)
    amount: Mapped[Rupiah | None] = mapped_column(BigInteger)
    # What had been taken back when it was asked for.
    taken_back_before: Mapped[Rupiah] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(120))
    state: Mapped[RefundState] = mapped_column(enum_column(RefundState), default=RefundState.ASKED)
    # Why the gateway refused: its code, or the state the payment was in.
    refusal: Mapped[str | None] = mapped_column(String(40))
    asked_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
