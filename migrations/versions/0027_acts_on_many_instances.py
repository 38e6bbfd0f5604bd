"""acts on many instances, and tokens of new workers

Batches and their instances; tokens with which workers join.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _make_batches()
    _make_items()
    _make_joins()


def _make_batches() -> None:
    op.create_table(
        "bulk_batches",
        sa.Column("act", _one_of("bulk_act", "START", "STOP", "RESTART", "RETRY", "BACK_UP"), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("requested_from", sa.String(length=45), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["users.id"],
            name=op.f("fk_bulk_batches_requested_by_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_batches")),
        sa.UniqueConstraint("request_key", name=op.f("uq_bulk_batches_request_key")),
    )
    op.create_index("ix_bulk_batches_requested_at", "bulk_batches", ["requested_at"])


def _make_items() -> None:
    states = ("WAITING", "UNDER_WAY", "DONE", "FAILED", "REFUSED", "OVERTAKEN", "CANCELLED")
    op.create_table(
        "bulk_items",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("state", _one_of("item_state", *states), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("operation_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["bulk_batches.id"], name=op.f("fk_bulk_items_batch_id_bulk_batches"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_bulk_items_instance_id_instances"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["operations.id"],
            name=op.f("fk_bulk_items_operation_id_operations"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_bulk_items")),
    )
    op.create_index("ix_bulk_items_instance_id", "bulk_items", ["instance_id"])


def _make_joins() -> None:
    states = ("ASKED", "READY", "ENDING", "JOINED", "REVOKED", "EXPIRED", "FAILED")
    op.create_table(
        "node_joins",
        sa.Column("slot", sa.String(length=6), nullable=False),
        sa.Column("state", _one_of("join_state", *states), nullable=False),
        sa.Column("ends_as", _one_of("join_end", "JOINED", "REVOKED", "EXPIRED"), nullable=True),
        sa.Column("sealed_secret", sa.Text(), nullable=True),
        sa.Column("authority_hash", sa.String(length=64), nullable=True),
        sa.Column("wanted_name", sa.String(length=63), nullable=True),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("taints", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("node_name", sa.String(length=253), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["users.id"],
            name=op.f("fk_node_joins_requested_by_id_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_joins")),
    )
    op.create_index(
        "uq_node_joins_slot_live",
        "node_joins",
        ["slot"],
        unique=True,
        postgresql_where=sa.text("state IN ('ASKED', 'READY', 'ENDING')"),
    )
    op.create_index("ix_node_joins_requested_at", "node_joins", ["requested_at"])


def downgrade() -> None:
    # Nobody would do them any more.
    op.execute("DELETE FROM outbox WHERE task IN ('work_on_batch', 'work_on_join')")
    op.drop_table("node_joins")
    op.drop_table("bulk_items")
    op.drop_table("bulk_batches")
