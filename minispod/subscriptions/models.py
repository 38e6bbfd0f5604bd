"""Subscriptions, their periods, the changes of their plans, what of their charges was given back, and what is live.

A subscription keeps its own price (decision 10). One live row per customer and service is kept by a
partial unique index; each paid or waived month is a Period, unique by number, so that no month can be
charged twice. Periods and changes are charges: what is given back of one is counted on its row.
"""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from minispod.catalog.models import Plan, Service
from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah
from minispod.subscriptions.states import LIFECYCLE, LIVE, ChangeState, EndReason, SubscriptionStatus
from minispod.wallet.models import LedgerEntry

_LIVE_SQL = ", ".join(f"'{status.value}'" for status in LIVE)


class Subscription(Identified, Base):
    """A customer's promise of an application, month by month."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index(
            "uq_subscriptions_live",
            "user_id",
            "service_id",
            unique=True,
            postgresql_where=text(f"status IN ({_LIVE_SQL})"),
        ),
        UniqueConstraint("user_id", "request_key"),
        Index("ix_subscriptions_status_ends_at", "status", "ends_at"),
        # With what staff filter their list by, so that it is counted and paged in the index alone.
        Index(
            "ix_subscriptions_created_at_id", "created_at", "id", postgresql_include=["status", "service_id"]
        ),
        Index("ix_subscriptions_retention_until", "retention_until"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("ends_at > started_at", name="ends_after_start"),
        CheckConstraint(
            "(coming_price IS NULL) = (coming_price_from IS NULL) AND coming_price >= 0",
            name="coming_price_has_date",
        ),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id", ondelete="RESTRICT"), index=True)
    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"), index=True)
    status: Mapped[SubscriptionStatus] = mapped_column(enum_column(SubscriptionStatus))
    price: Mapped[Rupiah] = mapped_column(BigInteger)
    # The price the owner was told of: for periods that begin at `coming_price_from` or later (decision 10).
    coming_price: Mapped[Rupiah | None] = mapped_column(BigInteger)
    coming_price_from: Mapped[datetime | None]
    last_charge: Mapped[Rupiah] = mapped_column(BigInteger)
    auto_renew: Mapped[bool] = mapped_column(default=True)
    anchor_at: Mapped[datetime]
    anchor_period: Mapped[int] = mapped_column(default=1)
    period_number: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    billed_at: Mapped[datetime | None]
    failed_charges: Mapped[int] = mapped_column(default=0)
    grace_until: Mapped[datetime | None]
    retention_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[EndReason | None] = mapped_column(enum_column(EndReason))
    request_key: Mapped[str | None] = mapped_column(String(80))
    previous_plan_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))
    plan_changed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    plan: Mapped[Plan] = relationship(foreign_keys=[plan_id], lazy="raise")
    service: Mapped[Service] = relationship(lazy="raise")

    @property
    def is_active(self) -> bool:
        """Tell whether the customer may use it (a payment grace included)."""
        return self.status is SubscriptionStatus.ACTIVE

    @property
    def next_billing_at(self) -> datetime | None:
        """When the next charge is due; None when there will be none."""
        return self.ends_at if self.is_active and self.auto_renew else None

    def price_from(self, starts_at: datetime) -> Rupiah:
        """The price its owner was told of for a period that begins at `starts_at`; charging knows what holds."""
        if self.coming_price is None or self.coming_price_from is None or starts_at < self.coming_price_from:
            return self.price
        return self.coming_price

    def set_price(self, price: Rupiah) -> None:
        """From now on it has this price; what was announced before is done with."""
        self.price = price
        self.coming_price = self.coming_price_from = None

    @property
    def waits_for_credit(self) -> bool:
        """Tell whether it is in payment grace and its owner wants it to go on."""
        return self.is_active and self.auto_renew and self.grace_until is not None

    def turn(self, status: SubscriptionStatus, at: datetime) -> None:
        """Change the state along the table; raise ImpossibleChange."""
        LIFECYCLE.check(self.status, status)
        self.status = status
        self.updated_at = at


class Period(Identified, Base):
    """One month of a subscription. `price` is the full price, `charged` what was paid.

    Where a coupon made the difference, its redemption says so.
    """

    __tablename__ = "periods"
    __table_args__ = (
        UniqueConstraint("subscription_id", "number"),
        CheckConstraint(
            "charged >= 0 AND refunded >= 0 AND refunded <= charged", name="refund_within_charge"
        ),
        CheckConstraint("redemption_id IS NULL OR charged < price", name="coupon_takes_off"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("waived_reason IS NULL OR charged = 0", name="waived_costs_nothing"),
        # What runs at an instant, or ended in a span, is few of all that ever was.
        Index("ix_periods_ends_at", "ends_at"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    number: Mapped[int]
    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    price: Mapped[Rupiah] = mapped_column(BigInteger)
    charged: Mapped[Rupiah] = mapped_column(BigInteger)
    refunded: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    entry_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("ledger_entries.id", ondelete="RESTRICT"), unique=True
    )
    # Why nothing was charged although the month has a price; None for a month that was charged as it is priced.
    waived_reason: Mapped[str | None] = mapped_column(String(500))
    redemption_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("coupon_redemptions.id", ondelete="RESTRICT"), unique=True
    )
    created_at: Mapped[datetime]


class PlanChange(Identified, Base):
    """A move to another plan within a period: from what to what, what it cost, and how it ended."""

    __tablename__ = "plan_changes"
    __table_args__ = (
        UniqueConstraint("subscription_id", "number"),
        UniqueConstraint("subscription_id", "request_key"),
        Index(
            "uq_plan_changes_pending",
            "subscription_id",
            unique=True,
            postgresql_where=text("state = 'PENDING'"),
        ),
        CheckConstraint(
            "charged >= 0 AND refunded >= 0 AND refunded <= charged", name="refund_within_charge"
        ),
        CheckConstraint("charged = 0 OR entry_id IS NOT NULL", name="charge_has_entry"),
        CheckConstraint("state <> 'RETURNED' OR refunded = charged", name="returned_with_money"),
        CheckConstraint("credited >= 0 AND (credited = 0 OR charged = 0)", name="charged_or_credited"),
        CheckConstraint("days_left BETWEEN 0 AND period_days", name="days_within_period"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    number: Mapped[int]
    state: Mapped[ChangeState] = mapped_column(enum_column(ChangeState))
    is_upgrade: Mapped[bool]
    from_plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))
    to_plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("plans.id", ondelete="RESTRICT"))
    from_price: Mapped[Rupiah] = mapped_column(BigInteger)
    to_price: Mapped[Rupiah] = mapped_column(BigInteger)
    # The size to go back to, should the cluster not hold the new one.
    from_cpu_milli: Mapped[int]
    from_memory_mb: Mapped[int]
    period_number: Mapped[int]
    days_left: Mapped[int]
    period_days: Mapped[int]
    # What the formula says (below zero: to be given back); charged or credited is what was moved.
    quoted: Mapped[Rupiah] = mapped_column(BigInteger)
    charged: Mapped[Rupiah] = mapped_column(BigInteger)
    credited: Mapped[Rupiah] = mapped_column(BigInteger)
    refunded: Mapped[Rupiah] = mapped_column(BigInteger, default=Rupiah(0))
    entry_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("ledger_entries.id", ondelete="RESTRICT"), unique=True
    )
    is_waived: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None] = mapped_column(String(500))
    request_key: Mapped[str | None] = mapped_column(String(80))
    actor_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class Refund(Identified, Base):
    """A part of one charge that was given back: of which charge, why, and by which entry of the ledger."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("period_id", "request_key"),
        UniqueConstraint("change_id", "request_key"),
        Index("ix_refunds_subscription_id_request_key", "subscription_id", "request_key"),
        CheckConstraint("num_nonnulls(period_id, change_id) = 1", name="of_one_charge"),
        CheckConstraint("amount > 0", name="amount_positive"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="RESTRICT"))
    period_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("periods.id", ondelete="RESTRICT"))
    change_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("plan_changes.id", ondelete="RESTRICT"))
    amount: Mapped[Rupiah] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(500))
    entry_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("ledger_entries.id", ondelete="RESTRICT"), unique=True
    )
    request_key: Mapped[str | None] = mapped_column(String(80))
    actor_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]

    entry: Mapped[LedgerEntry] = relationship(lazy="raise")


class LiveSize(Base):
    """A note that so many more instances of a size are live, or fewer; the sum of all notes is how many there are.

    The database writes one in the transaction in which an instance comes to be live, ceases to, or changes its size.
    """

    __tablename__ = "live_sizes"

    number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    cpu_milli: Mapped[int]
    memory_mb: Mapped[int]
    instances: Mapped[int]
