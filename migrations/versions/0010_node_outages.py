"""node outages

Whether a volume is tied to its node, and which nodes did not answer when. Two kinds of messages about it.

Revision ID: 0010
Revises: 0009
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


_NEW_KINDS = ("node_lost", "node_back")


def _let_messages_be(*, with_new: bool) -> None:
    """Two more kinds of messages, beside those that the constraint allows now."""
    name = op.f("ck_notifications_message_kind")
    present = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"), {"name": name}
    )
    kinds = [each for each in re.findall(r"'([a-z_]+)'::", present) if each not in _NEW_KINDS]
    op.drop_constraint(name, "notifications", type_="check")
    kind = sa.column("kind", sa.String())
    op.create_check_constraint(name, "notifications", kind.in_([*kinds, *(_NEW_KINDS if with_new else ())]))


def upgrade() -> None:
    _let_messages_be(with_new=True)
    op.create_table(
        "node_outages",
        sa.Column("node_name", sa.String(length=253), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_outages")),
    )
    op.create_index(
        "uq_node_outages_node_name_open",
        "node_outages",
        ["node_name"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.add_column("instance_volumes", sa.Column("is_node_bound", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM notifications WHERE kind IN ('node_lost', 'node_back')")
    _let_messages_be(with_new=False)
    op.drop_column("instance_volumes", "is_node_bound")
    op.drop_table("node_outages")
