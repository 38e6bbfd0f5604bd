"""usage over time, and uptime

Revision ID: 0006
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None

GRAIN = sa.Enum("HOUR", "DAY", name="grain", native_enum=False, create_constraint=True, length=8)
STANDING = sa.Enum("UP", "DOWN", name="standing", native_enum=False, create_constraint=True, length=8)


def upgrade() -> None:
    op.create_table(
        "usage_samples",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cpu_milli", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("storage_mb", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("instance_id", "at", name=op.f("pk_usage_samples")),
    )
    op.create_index("ix_usage_samples_at", "usage_samples", ["at"], unique=False)
    op.create_table(
        "usage_rollups",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("grain", GRAIN, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("cpu_min", sa.Integer(), nullable=False),
        sa.Column("cpu_avg", sa.Integer(), nullable=False),
        sa.Column("cpu_max", sa.Integer(), nullable=False),
        sa.Column("memory_min", sa.Integer(), nullable=False),
        sa.Column("memory_avg", sa.Integer(), nullable=False),
        sa.Column("memory_max", sa.Integer(), nullable=False),
        sa.Column("storage_samples", sa.Integer(), nullable=False),
        sa.Column("storage_min", sa.Integer(), nullable=True),
        sa.Column("storage_avg", sa.Integer(), nullable=True),
        sa.Column("storage_max", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("instance_id", "grain", "starts_at", name=op.f("pk_usage_rollups")),
    )
    op.create_index(
        "ix_usage_rollups_grain_starts_at", "usage_rollups", ["grain", "starts_at"], unique=False
    )
    op.create_table(
        "usage_progress",
        sa.Column("grain", GRAIN, nullable=False),
        sa.Column("done_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("grain", name=op.f("pk_usage_progress")),
    )
    op.create_table(
        "cluster_watches",
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until >= began_at", name=op.f("ck_cluster_watches_in_order")),
        sa.PrimaryKeyConstraint("began_at", name=op.f("pk_cluster_watches")),
    )
    op.create_table(
        "availability_spans",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("standing", STANDING, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ended_at > began_at", name=op.f("ck_availability_spans_in_order")),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_availability_spans_instance_id_instances"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("instance_id", "began_at", name=op.f("pk_availability_spans")),
    )
    op.create_index(
        "uq_availability_spans_open",
        "availability_spans",
        ["instance_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("availability_spans")
    op.drop_table("cluster_watches")
    op.drop_table("usage_progress")
    op.drop_table("usage_rollups")
    op.drop_table("usage_samples")
