"""Coupons and their redemptions.

`Coupon.used_count` counts the redemptions that stand (a use that was given back does not). It is kept by
one conditional update each way, and a CHECK stands behind it. A redemption is one row, unique by coupon,
customer and number, with the ledger entry or the subscription it went to.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from minispod.catalog.models import PlanType, Service
from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah
from minispod.promotions.states import CouponStatus, CouponType, DiscountType

_WORTH = """
CASE type
    WHEN 'SUBSCRIPTION_DISCOUNT' THEN CASE discount_type
        WHEN 'FIXED_AMOUNT' THEN credit_amount IS NOT NULL AND discount_percent IS NULL
        WHEN 'PERCENTAGE' THEN credit_amount IS NULL AND discount_percent IS NOT NULL
        ELSE false END
    WHEN 'FREE_SERVICE' THEN num_nonnulls(credit_amount, discount_type, discount_percent) = 0
    ELSE credit_amount IS NOT NULL AND num_nonnulls(discount_type, discount_percent) = 0
END
"""


class Coupon(Identified, Base):
    """A code with what it is worth and how often, when and for what it may be used."""

    __tablename__ = "coupons"
    __table_args__ = (
        CheckConstraint("code = upper(code)", name="code_upper_case"),
        CheckConstraint(
            "used_count >= 0 AND (max_uses IS NULL OR used_count <= max_uses)", name="not_overused"
        ),
        CheckConstraint("max_uses_per_user >= 1", name="some_uses_per_user"),
        CheckConstraint("type <> 'WELCOME_BONUS' OR max_uses_per_user = 1", name="one_welcome_per_user"),
        CheckConstraint("credit_amount > 0", name="credit_positive"),
        CheckConstraint("discount_percent BETWEEN 1 AND 100", name="percent_in_range"),
        CheckConstraint(" ".join(_WORTH.split()), name="worth_fits_type"),
        CheckConstraint("valid_until > valid_from", name="ends_after_start"),
        CheckConstraint("status <> 'USED_UP'", name="counter_says_used_up"),
    )

    code: Mapped[str] = mapped_column(String(50), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(String(500))
    type: Mapped[CouponType] = mapped_column(enum_column(CouponType))
    # The word of staff; what it comes to is `status_at`.
    status: Mapped[CouponStatus] = mapped_column(enum_column(CouponStatus))
    credit_amount: Mapped[Rupiah | None] = mapped_column(BigInteger)
    discount_type: Mapped[DiscountType | None] = mapped_column(enum_column(DiscountType))
    discount_percent: Mapped[int | None]
    max_uses: Mapped[int | None]
    used_count: Mapped[int] = mapped_column(default=0)
    max_uses_per_user: Mapped[int] = mapped_column(default=1)
    service_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("services.id", ondelete="RESTRICT"))
    plan_type: Mapped[PlanType | None] = mapped_column(enum_column(PlanType))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    created_by: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    service: Mapped[Service | None] = relationship(lazy="raise")

    @property
    def is_full(self) -> bool:
        """Tell whether all uses are taken."""
        return self.max_uses is not None and self.used_count >= self.max_uses

    def status_at(self, at: datetime) -> CouponStatus:
        """What staff, calendar and counter come to."""
        if self.status is not CouponStatus.ACTIVE:
            return self.status
        if self.valid_until is not None and self.valid_until <= at:
            return CouponStatus.EXPIRED
        return CouponStatus.USED_UP if self.is_full else CouponStatus.ACTIVE

    def takes_off(self, price: int) -> Rupiah:
        """What a checkout coupon takes off a price: between nothing and all of it, fractions in our favour."""
        if self.type is CouponType.FREE_SERVICE:
            return Rupiah(price)
        if self.discount_percent is not None:
            return Rupiah(price * self.discount_percent // 100)
        return Rupiah(min(self.credit_amount or 0, price))


class Redemption(Identified, Base):
    """One use of a coupon by one customer; `returned_at` says that it was given back and counts no more."""

    __tablename__ = "coupon_redemptions"
    __table_args__ = (
        Index(
            "uq_coupon_redemptions_use",
            "coupon_id",
            "user_id",
            "number",
            unique=True,
            postgresql_where=text("returned_at IS NULL"),
        ),
        UniqueConstraint("user_id", "request_key"),
        Index("ix_coupon_redemptions_user_id_redeemed_at", "user_id", "redeemed_at"),
        Index("ix_coupon_redemptions_coupon_id_redeemed_at", "coupon_id", "redeemed_at"),
        CheckConstraint("num_nonnulls(credit_amount, discount_amount) = 1", name="credit_or_discount"),
        CheckConstraint("(credit_amount IS NULL) = (entry_id IS NULL)", name="credit_has_entry"),
        CheckConstraint(
            "(discount_amount IS NULL) = (subscription_id IS NULL)", name="discount_has_subscription"
        ),
        CheckConstraint("credit_amount > 0", name="credit_positive"),
        CheckConstraint("discount_amount > 0", name="discount_positive"),
        CheckConstraint("number >= 1", name="number_from_one"),
    )

    coupon_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("coupons.id", ondelete="RESTRICT"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    type: Mapped[CouponType] = mapped_column(enum_column(CouponType))
    number: Mapped[int]
    credit_amount: Mapped[Rupiah | None] = mapped_column(BigInteger)
    discount_amount: Mapped[Rupiah | None] = mapped_column(BigInteger)
    entry_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("ledger_entries.id", ondelete="RESTRICT"), unique=True
    )
    # By table name: promotions lie below the subscriptions and know no model of theirs.
    subscription_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]
    request_key: Mapped[str | None] = mapped_column(String(80))
    redeemed_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]

    coupon: Mapped[Coupon] = relationship(lazy="raise")
