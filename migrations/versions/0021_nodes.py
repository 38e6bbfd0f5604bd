"""nodes: what is done with them

Cordon, uncordon and drain.

Revision ID: 0021
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _make_operations()


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


def downgrade() -> None:
    # Nobody would do them any more.
    op.execute("DELETE FROM outbox WHERE task = 'work_on_node'")
    op.drop_table("node_operations")
