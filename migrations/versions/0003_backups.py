"""backups

Copies of customers' data: rows, their files in the store, and the troubles that administrators were told of.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "backups",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service_slug", sa.String(length=50), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column(
            "reason",
            _one_of("backup_reason", "daily", "on_demand", "before_delete", "before_upgrade", "before_move"),
            nullable=False,
        ),
        sa.Column("status", _one_of("backup_status", "RUNNING", "DONE", "FAILED"), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_secrets", sa.Text(), nullable=True),
        sa.Column("plain_size", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instances.id"], name=op.f("fk_backups_instance_id_instances"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_backups_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
    op.create_index("ix_backups_instance_id_taken_at", "backups", ["instance_id", "taken_at", "id"])
    op.create_index(
        "ix_backups_failed",
        "backups",
        ["instance_id", "taken_at"],
        postgresql_where=sa.text("status = 'FAILED'"),
    )
    op.create_index("ix_backups_user_id", "backups", ["user_id"])
    op.create_index(
        "ix_backups_keep_until", "backups", ["keep_until"], postgresql_where=sa.text("removed_at IS NULL")
    )
    op.create_table(
        "backup_parts",
        sa.Column("backup_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=15), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("plain_size", sa.BigInteger(), nullable=False),
        sa.Column("plain_sha256", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=100), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_id"], ["backups.id"], name=op.f("fk_backup_parts_backup_id_backups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_parts")),
        sa.UniqueConstraint("backup_id", "name", name=op.f("uq_backup_parts_backup_id_name")),
        sa.UniqueConstraint("key", name=op.f("uq_backup_parts_key")),
    )
    op.create_table(
        "backup_troubles",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("trouble_kind", "failed", "overdue"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_backup_troubles_instance_id_instances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_id", "kind", name=op.f("pk_backup_troubles")),
    )


def downgrade() -> None:
    op.drop_table("backup_troubles")
    op.drop_table("backup_parts")
    op.drop_table("backups")
