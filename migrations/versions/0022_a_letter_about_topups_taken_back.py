"""a letter about top-ups that are taken back

One more kind of messages.

Revision ID: 0022
Revises: 0018
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


_NEW_KINDS = ("topup_taken_back",)


def _let_messages_be(*, with_new: bool) -> None:
    """One more kind of messages, beside those that the constraint allows now."""
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


def downgrade() -> None:
    op.execute("DELETE FROM notifications WHERE kind = 'topup_taken_back'")
    _let_messages_be(with_new=False)
