"""nodes: what is done with them, and their history

Cordon, uncordon and drain; hours and days of readings; conditions that came and went.

Revision ID: 0021
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

GRAIN = sa.Enum("HOUR", "DAY", name="grain", native_enum=False, create_constraint=True, length=8)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _make_operations()
    _make_history()


def _make_operations() -> None:
    states = ("PENDING", "RUNNING", "DONE", "FAILED", "CANCELLED")
    op.create_table(
        "node_operations",
        sa.Column("node_name", sa.String(length=253), nullable=False),
        sa.Column("act", _one_of("node_act", "CORDON", "UNCORDON", "DRAIN"), nullable=False),
        sa.Column("status", _one_of("node_act_status", *states), nullable=False),
        sa.Column("step", _one_of("node_step", "mark", "move", "evict", "ended"), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("bound", _one_of("bound_choice", "LEAVE", "MOVE", "STAND_STILL"), nullable=True),
        sa.Column("instances", postgresql.JSONB(), nullable=False),
        sa.Column("moves", postgresql.JSONB(), nullable=False),
        sa.Column("refusals", postgresql.JSONB(), nullable=False),
        sa.Column("waiting", postgresql.JSONB(), nullable=False),
        sa.Column("staying", postgresql.JSONB(), nullable=False),
        sa.Column("sent_away", sa.Integer(), nullable=False),
        sa.Column("moved_on_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["users.id"],
            name=op.f("fk_node_operations_requested_by_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_operations")),
    )
    op.create_index(
        "uq_node_operations_node_name_live",
        "node_operations",
        ["node_name"],
        unique=True,
        postgresql_where=sa.text("status IN ('PENDING', 'RUNNING')"),
    )
    op.create_index(
        "ix_node_operations_node_name_requested_at", "node_operations", ["node_name", "requested_at"]
    )


def _make_history() -> None:
    pieces = ("cpu_requested_avg", "cpu_requested_max", "memory_requested_avg", "memory_requested_max")
    used = ("cpu_used_avg", "cpu_used_max", "memory_used_avg", "memory_used_max")
    op.create_table(
        "node_rollups",
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("grain", GRAIN, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("ready_samples", sa.Integer(), nullable=False),
        sa.Column("cpu_allocatable", sa.Integer(), nullable=False),
        sa.Column("memory_allocatable", sa.Integer(), nullable=False),
        *(sa.Column(each, sa.Integer(), nullable=False) for each in pieces),
        sa.Column("used_samples", sa.Integer(), nullable=False),
        *(sa.Column(each, sa.Integer(), nullable=True) for each in used),
        sa.PrimaryKeyConstraint("name", "grain", "starts_at", name=op.f("pk_node_rollups")),
    )
    op.create_index("ix_node_rollups_grain_starts_at", "node_rollups", ["grain", "starts_at"])
    op.create_table(
        "node_progress",
        sa.Column("grain", GRAIN, nullable=False),
        sa.Column("done_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("grain", name=op.f("pk_node_progress")),
    )
    op.create_table(
        "node_spells",
        sa.Column("node_name", sa.String(length=253), nullable=False),
        sa.Column("condition", sa.String(length=120), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_spells")),
    )
    op.create_index(
        "uq_node_spells_node_name_condition_open",
        "node_spells",
        ["node_name", "condition"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_node_spells_node_name_began_at", "node_spells", ["node_name", "began_at"])
    op.create_table(
        "cluster_sights",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_cluster_sights")),
    )


def downgrade() -> None:
    for table in ("cluster_sights", "node_spells", "node_progress", "node_rollups"):
        op.drop_table(table)
    # Nobody would do them any more.
    op.execute("DELETE FROM outbox WHERE task = 'work_on_node'")
    op.drop_table("node_operations")
