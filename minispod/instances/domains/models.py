"""Custom domains: a customer's own host for an instance, its proof, and what was last seen of it.

One row per instance and host; rows of domains that are gone stay as a record. A partial unique index makes sure that a
host is held by one instance at most. Every change is made under the lock of the instance.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from minispod.instances.domains.states import HOLDING, OPEN, CertificateStatus, DomainStatus
from minispod.kernel.database import Base, Identified, enum_column

_HOLDS = text(f"status IN ({', '.join(repr(status.value) for status in HOLDING)})")


class CustomDomain(Identified, Base):
    """One host of a customer's own."""

    __tablename__ = "custom_domains"
    __table_args__ = (
        UniqueConstraint("instance_id", "host"),
        Index("uq_custom_domains_host_held", "host", unique=True, postgresql_where=_HOLDS),
        Index("ix_custom_domains_next_check_at", "next_check_at"),
    )

    instance_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    # ASCII, lower case, without the last dot.
    host: Mapped[str] = mapped_column(String(253))
    # What the TXT record must say; published by its owner, so no secret.
    token: Mapped[str] = mapped_column(String(64))
    status: Mapped[DomainStatus] = mapped_column(
        enum_column(DomainStatus), default=DomainStatus.WAITING_FOR_DNS
    )
    status_changed_at: Mapped[datetime]
    # Each with code and facts; the sentences are made when somebody reads (wording.py).
    problems: Mapped[list[Any]] = mapped_column(default=list)
    # How often it was looked at in its present state; the pauses grow with it.
    attempts: Mapped[int] = mapped_column(default=0)
    waiting_since: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    # When the cluster last took its Ingress.
    published_at: Mapped[datetime | None]
    # A domain that stopped leading to us is taken off then.
    grace_until: Mapped[datetime | None]
    certificate: Mapped[CertificateStatus | None] = mapped_column(enum_column(CertificateStatus))
    certificate_since: Mapped[datetime | None]
    certificate_message: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def is_open(self) -> bool:
        """Tell whether it is looked at and counts towards the limit."""
        return self.status in OPEN

    @property
    def is_holding(self) -> bool:
        """Tell whether it is proven, so that it is served and nobody else can have it."""
        return self.status in HOLDING

    def turn(self, status: DomainStatus, at: datetime) -> None:
        """Show `status` from now on; the pauses begin anew."""
        if self.status is not status:
            self.status = status
            self.status_changed_at = at
            self.attempts = 0
        self.updated_at = at
