"""Instances: one customer's running application, what we want of it and what we last saw.

Names are made once and stored, never recomputed. `generation` grows with every changed wish, so that
an outcome of an older wish is recognised. Secrets are sealed (kernel/sealed).
"""

import uuid
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted
from minispod.kernel.database import Base, Identified, enum_column


class Tenancy(Base):
    """A customer's namespace, named once."""

    __tablename__ = "tenancies"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63), unique=True)
    created_at: Mapped[datetime]
    # When it was deleted because nothing was left in it; None while it may hold something.
    cleared_at: Mapped[datetime | None]


class CertificateAuthority(Base):
    """What signs the certificates of databases, the newest of them: made with the first, and every eighteen years."""

    __tablename__ = "certificate_authorities"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    certificate: Mapped[str] = mapped_column(Text)
    sealed_key: Mapped[str] = mapped_column(Text)
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]


class Instance(Identified, Base):
    """One running application of one subscription."""

    __tablename__ = "instances"
    __table_args__ = (
        Index("ix_instances_user_id", "user_id"),
        Index("ix_instances_status", "status"),
        Index("ix_instances_updated_at", "updated_at"),
        Index("ix_instances_created_at_id", "created_at", "id", postgresql_include=["status"]),
        # Partial: an update of a full unique index would wait for every row that refers to the instance.
        Index(
            "uq_instances_tcp_port", "tcp_port", unique=True, postgresql_where=text("tcp_port IS NOT NULL")
        ),
        Index(
            "ix_instances_awaits_last_backup",
            "updated_at",
            postgresql_where=text("awaits_last_backup"),
        ),
        Index(
            "ix_instances_certificate_ends_at",
            "certificate_ends_at",
            postgresql_where=text("certificate_ends_at IS NOT NULL"),
        ),
        CheckConstraint("tcp_port BETWEEN 1 AND 65535", name="has_possible_port"),
        CheckConstraint(
            "(sealed_certificate IS NULL) = (certificate_ends_at IS NULL)", name="certificate_ends"
        ),
        CheckConstraint("cpu_milli > 0 AND memory_mb > 0 AND storage_gb >= 0", name="has_resources"),
    )

    subscription_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="RESTRICT"), unique=True
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    service_slug: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(63), unique=True)
    namespace: Mapped[str] = mapped_column(String(63))
    host: Mapped[str] = mapped_column(String(253), unique=True)
    # Its primary address, which its application is told: at its own host, or at a custom domain.
    public_url: Mapped[str] = mapped_column(String(300))
    is_web: Mapped[bool]
    tls: Mapped[bool]
    cpu_milli: Mapped[int]
    memory_mb: Mapped[int]
    storage_gb: Mapped[int]
    sealed_secrets: Mapped[str] = mapped_column(Text)
    # The application's version that it runs; a newer recipe changes it only by an upgrade.
    version: Mapped[str] = mapped_column(String(100), default="", server_default="")
    # The volume that its data lie on (instance_volumes).
    volume_number: Mapped[int] = mapped_column(default=1, server_default="1")
    # Its deletion is decided, but waits for a last backup or for a person's word.
    awaits_last_backup: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Of what is reached over TCP only (instances/exposing).
    tcp_port: Mapped[int | None]
    sealed_certificate: Mapped[str | None] = mapped_column(Text)
    certificate_ends_at: Mapped[datetime | None]

    wanted: Mapped[Wanted] = mapped_column(enum_column(Wanted), default=Wanted.RUNNING)
    generation: Mapped[int] = mapped_column(default=1)
    restart_wish_at: Mapped[datetime | None]
    status: Mapped[InstanceStatus] = mapped_column(
        enum_column(InstanceStatus), default=InstanceStatus.PENDING
    )
    status_changed_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    attempt_started_at: Mapped[datetime | None]
    # Whether this attempt's objects were applied and seen: further rounds only look.
    attempt_applied: Mapped[bool] = mapped_column(default=False, server_default=false())
    last_error: Mapped[str | None] = mapped_column(Text)
    repair_until: Mapped[datetime | None]

    health_status: Mapped[str | None] = mapped_column(String(300))
    last_health_check_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    first_ran_at: Mapped[datetime | None]
    last_started_at: Mapped[datetime | None]
    last_stopped_at: Mapped[datetime | None]
    pod_name: Mapped[str | None] = mapped_column(String(253))
    node_name: Mapped[str | None] = mapped_column(String(253))
    # The node that staff wished it to run on; where it runs is the cluster's decision.
    preferred_node: Mapped[str | None] = mapped_column(String(253))
    restarts: Mapped[int] = mapped_column(default=0)
    cpu_usage: Mapped[int | None]
    memory_usage: Mapped[float | None] = mapped_column(Numeric(12, 2, asdecimal=False))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def public_host(self) -> str:
        """The host of its primary address: its own, or a custom domain."""
        return urlsplit(self.public_url).hostname or self.host

    @property
    def is_gone(self) -> bool:
        """Tell whether nothing of it is left in the cluster."""
        return self.status is InstanceStatus.TERMINATED

    @property
    def is_held(self) -> bool:
        """Tell whether an operation works on it: wishes are recorded then, and carried out when it lets go."""
        return self.status is InstanceStatus.MAINTENANCE

    def is_beyond_repair(self, at: datetime) -> bool:
        """Tell whether it never ran and the window for repairing it is over; an attempt under way may end."""
        return (
            self.status is InstanceStatus.ERROR and self.repair_until is not None and self.repair_until <= at
        )

    def turn(self, status: InstanceStatus, at: datetime, *, health: str | None = None) -> None:
        """Show `status` from now on."""
        if self.status is not status:
            self.status = status
            self.status_changed_at = at
        self.health_status = health
        self.updated_at = at

    def wish(self, wanted: Wanted, at: datetime) -> None:
        """Want something else of the cluster; what is under way for the old wish becomes stale."""
        self.wanted = wanted
        self.generation += 1
        self.attempts = 0
        self.attempt_started_at = None
        self.last_error = None
        self.updated_at = at


class InstanceVolume(Identified, Base):
    """One volume of an instance: its number is part of its claim's name, and is never used again."""

    __tablename__ = "instance_volumes"
    __table_args__ = (
        UniqueConstraint("instance_id", "number"),
        Index(
            "uq_instance_volumes_instance_id_active",
            "instance_id",
            unique=True,
            postgresql_where=text("status = 'ACTIVE'"),
        ),
        Index(
            "ix_instance_volumes_keep_until_retired",
            "keep_until",
            postgresql_where=text("status = 'RETIRED'"),
        ),
    )

    instance_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instances.id", ondelete="RESTRICT"))
    number: Mapped[int]
    status: Mapped[VolumeStatus] = mapped_column(enum_column(VolumeStatus))
    # Where it lies, or (a volume that every node reaches) was last seen in use; None before the first time.
    node_name: Mapped[str | None] = mapped_column(String(253))
    # Whether it is tied to that node; None while nobody has seen it.
    is_node_bound: Mapped[bool | None]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    # Backups from before this moment are of other data; None: all of its instance's backups are of these.
    data_since: Mapped[datetime | None]
    # Why it was retired, for a person: "restore", "reset", "move", "upgrade", "evacuate", "return".
    reason: Mapped[str | None] = mapped_column(String(40))
    keep_until: Mapped[datetime | None]
    # The dead node whose copy must not come to life again when the node does.
    fenced_node: Mapped[str | None] = mapped_column(String(253))
    # Of one that is retired: the version that wrote it last, and the secrets that its data were made with.
    version: Mapped[str | None] = mapped_column(String(100))
    sealed_secrets: Mapped[str | None] = mapped_column(Text)
    deleted_at: Mapped[datetime | None]
