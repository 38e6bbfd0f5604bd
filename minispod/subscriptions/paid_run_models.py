"""Paid time of subscriptions, noted down: what brought what a month, months of one price joined to one run."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from minispod.kernel.database import Base
from minispod.kernel.money import Rupiah


class PaidRun(Base):
    """One run of paid time; of a subscription that never had any there is one row without times and price.

    Rows are there exactly while they are true: the database drops all of a subscription's in the transaction that
    changes what they were read from (adr/0050). Customer and service are the subscription's.
    """

    __tablename__ = "paid_runs"
    __table_args__ = (
        CheckConstraint("num_nulls(since, until, price) IN (0, 3)", name="whole_or_empty"),
        CheckConstraint("since < until", name="since_before_until"),
        CheckConstraint("price > 0", name="price_positive"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    service_id: Mapped[uuid.UUID]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    price: Mapped[Rupiah | None] = mapped_column(BigInteger)
