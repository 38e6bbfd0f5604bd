"""Categories, services and plans. A plan's slots are counted on its row and never oversold (a CHECK)."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from minispod.kernel.database import Base, Identified, enum_column
from minispod.kernel.money import Rupiah


class PlanType(StrEnum):
    """Tiers, lowest first (decision 6: MAX is the highest)."""

    FREE = "FREE"
    BASIC = "BASIC"
    PRO = "PRO"
    PREMIUM = "PREMIUM"
    ENTERPRISE = "ENTERPRISE"
    MAX = "MAX"

    @property
    def tier(self) -> int:
        """Rank among the tiers, 0 for FREE."""
        return list(PlanType).index(self)


class Category(Identified, Base):
    """A shelf of the shop."""

    __tablename__ = "categories"

    slug: Mapped[str] = mapped_column(String(50), unique=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("categories.id", ondelete="RESTRICT"))
    sort_order: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Service(Identified, Base):
    """An application for sale; `slug` also names its recipe."""

    __tablename__ = "services"

    slug: Mapped[str] = mapped_column(String(50), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    category_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("categories.id", ondelete="RESTRICT"), index=True
    )
    description: Mapped[str] = mapped_column(Text)
    long_description: Mapped[str | None] = mapped_column(Text)
    icon: Mapped[str | None] = mapped_column(String(500))
    documentation: Mapped[str | None] = mapped_column(String(500))
    version: Mapped[str] = mapped_column(String(50))
    docker_image: Mapped[str] = mapped_column(String(200))
    default_port: Mapped[int]
    tags: Mapped[list[Any]]
    is_active: Mapped[bool] = mapped_column(default=True)
    is_public: Mapped[bool] = mapped_column(default=True)
    is_featured: Mapped[bool] = mapped_column(default=False)
    sort_order: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    category: Mapped[Category] = relationship(lazy="raise")
    plans: Mapped[list["Plan"]] = relationship(
        back_populates="service", order_by="Plan.sort_order", lazy="raise"
    )


class Plan(Identified, Base):
    """A price tier of a service."""

    __tablename__ = "plans"
    __table_args__ = (
        UniqueConstraint("service_id", "plan_type"),
        CheckConstraint("used_quota >= 0 AND used_quota <= total_quota", name="not_oversold"),
        CheckConstraint("monthly_price >= 0", name="price_not_negative"),
    )

    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(100))
    plan_type: Mapped[PlanType] = mapped_column(enum_column(PlanType))
    description: Mapped[str | None] = mapped_column(Text)
    monthly_price: Mapped[Rupiah] = mapped_column(BigInteger)
    # Whether existing subscriptions come to this price too, after notice (decision 10); new ones always have it.
    is_price_for_all: Mapped[bool] = mapped_column(default=False, server_default=false())
    cpu_milli: Mapped[int]
    memory_mb: Mapped[int]
    storage_gb: Mapped[int]
    bandwidth: Mapped[int]
    total_quota: Mapped[int]
    used_quota: Mapped[int] = mapped_column(default=0)
    features: Mapped[list[Any]]
    max_instances_per_user: Mapped[int] = mapped_column(default=1)
    max_domains: Mapped[int] = mapped_column(default=1)
    is_active: Mapped[bool] = mapped_column(default=True)
    is_popular: Mapped[bool] = mapped_column(default=False)
    sort_order: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    service: Mapped[Service] = relationship(back_populates="plans", lazy="raise")

    @property
    def available_quota(self) -> int:
        """Slots that are not taken."""
        return self.total_quota - self.used_quota
