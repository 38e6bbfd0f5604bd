"""custom domains of instances

Revision ID: 0005
Revises: 0004
"""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATUSES = ("WAITING_FOR_DNS", "VERIFIED", "ACTIVE", "FAILING", "FAILED", "TAKEN_OFF", "REMOVED")
MESSAGES = ("domain_active", "domain_failing", "domain_ended")
CERTIFICATES = ("NOT_NEEDED", "WAITING", "READY", "FAILING", "UNKNOWN")


def words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def instant(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def allow_messages(change: Callable[[list[str]], list[str]]) -> None:
    """Let a notification have other kinds than before: what is allowed is read from the constraint itself."""
    name = "ck_notifications_message_kind"
    question = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    definition = op.get_bind().execute(question, {"name": name}).scalar_one()
    allowed = change(re.findall(r"'(\w+)'", definition))
    op.drop_constraint(op.f(name), "notifications", type_="check")
    op.create_check_constraint(op.f(name), "notifications", sa.column("kind").in_(allowed))


def upgrade() -> None:
    allow_messages(lambda kinds: [*kinds, *MESSAGES])
    op.create_table(
        "custom_domains",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("status", words("domain_status", STATUSES), nullable=False),
        instant("status_changed_at", nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        instant("waiting_since", nullable=False),
        instant("checked_at"),
        instant("next_check_at"),
        instant("verified_at"),
        instant("published_at"),
        instant("grace_until"),
        sa.Column("certificate", words("certificate_status", CERTIFICATES), nullable=True),
        instant("certificate_since"),
        sa.Column("certificate_message", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        instant("created_at", nullable=False),
        instant("updated_at", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_custom_domains_instance_id_instances"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["users.id"],
            name=op.f("fk_custom_domains_created_by_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_domains")),
        sa.UniqueConstraint("instance_id", "host", name=op.f("uq_custom_domains_instance_id_host")),
    )
    op.create_index(
        "uq_custom_domains_host_held",
        "custom_domains",
        ["host"],
        unique=True,
        postgresql_where=sa.text("status IN ('VERIFIED', 'ACTIVE', 'FAILING')"),
    )
    op.create_index("ix_custom_domains_next_check_at", "custom_domains", ["next_check_at"])


def downgrade() -> None:
    op.drop_table("custom_domains")
    op.execute(sa.text("DELETE FROM notifications WHERE kind LIKE 'domain\\_%'"))
    allow_messages(lambda kinds: [each for each in kinds if each not in MESSAGES])
