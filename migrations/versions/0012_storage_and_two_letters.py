"""storage and two letters

Why the use of volumes is not measured, and two kinds of messages: a credential was changed, a changed environment was
taken back.

Revision ID: 0012
Revises: 0011
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


_NEW_KINDS = ("credential_rotated", "environment_undone")


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
    op.add_column("cluster_state", sa.Column("storage_refusal", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("cluster_state", "storage_refusal")
    op.execute("DELETE FROM notifications WHERE kind IN ('credential_rotated', 'environment_undone')")
    _let_messages_be(with_new=False)
