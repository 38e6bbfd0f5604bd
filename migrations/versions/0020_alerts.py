"""alerts

The alert book: alerts, the bulletins in which staff were told of them, and restarts as they were seen. The troubles of
backups that administrators were told of are alerts now.

Revision ID: 0020
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_RULES = (
    "cluster_silent",
    "node_down",
    "node_full",
    "add_node",
    "instance_down",
    "instance_failed",
    "instance_restarts",
    "volume_full",
    "certificate_ends",
    "backup_failed",
    "backup_overdue",
    "drill_failed",
    "deletion_waits",
    "operation_failed",
    "job_stuck",
    "mail_stuck",
    "payment_held",
    "payment_trouble",
    "proof_differs",
    "order_returned",
    "secrets_closed",
)


def _one_of(name: str, *values: str, length: int = 32) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=length)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", _one_of("rule", *_RULES), nullable=False),
        sa.Column("severity", _one_of("severity", "CRITICAL", "WARNING", "ADVICE"), nullable=False),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=120), nullable=False),
        sa.Column("subject_name", sa.String(length=200), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("occasions", postgresql.JSONB(), nullable=False),
        _time("opened_at"),
        _time("last_seen_at"),
        _time("told_at", nullable=True),
        _time("acknowledged_at", nullable=True),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        _time("silenced_until", nullable=True),
        _time("resolved_at", nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["rule", "subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("ix_alerts_opened_at", "alerts", ["opened_at", "id"])
    op.create_index("ix_alerts_resolved_at", "alerts", ["resolved_at"])
    op.create_index("ix_alerts_subject", "alerts", ["rule", "subject_kind", "subject_id", "opened_at"])
    op.create_table(
        "alert_bulletins",
        sa.Column("id", sa.Uuid(), nullable=False),
        _time("at"),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column(
            "state", _one_of("bulletin_state", "QUEUED", "SENT", "FAILED", "UNWANTED"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        _time("sent_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_bulletins")),
    )
    op.create_index("ix_alert_bulletins_at", "alert_bulletins", ["at"])
    op.create_table(
        "restarts_seen",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        _time("at"),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restarts_seen")),
    )
    op.create_index("ix_restarts_seen_at", "restarts_seen", ["at"])
    op.drop_table("backup_troubles")


def downgrade() -> None:
    op.create_table(
        "backup_troubles",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("trouble_kind", "failed", "overdue"), nullable=False),
        _time("told_at"),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_backup_troubles_instance_id_instances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", "kind", name=op.f("pk_backup_troubles")),
    )
    op.drop_table("restarts_seen")
    op.drop_table("alert_bulletins")
    op.drop_table("alerts")
