"""custom domains of instances

Revision ID: 0005
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None

STATUSES = ("WAITING_FOR_DNS", "VERIFIED", "ACTIVE", "FAILING", "FAILED", "TAKEN_OFF", "REMOVED")
CERTIFICATES = ("NOT_NEEDED", "WAITING", "READY", "FAILING", "UNKNOWN")


def words(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def instant(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
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
