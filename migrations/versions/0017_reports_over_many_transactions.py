"""reports over many transactions

Indexes that carry what revenue is summed from and the orders in which money is listed; one kind of message.

Revision ID: 0017
Revises: 0016
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NEW_KINDS = ("grace_reminder",)


def _let_messages_be(*, with_new: bool) -> None:
    """One more kind of message, beside those that the constraint allows now."""
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
    op.drop_index("ix_ledger_entries_created_at", table_name="ledger_entries")
    op.create_index(
        "ix_ledger_entries_created_at",
        "ledger_entries",
        ["created_at"],
        postgresql_include=["type", "kind", "delta", "subscription_id"],
    )
    op.create_index("ix_ledger_entries_type_number", "ledger_entries", ["type", "number"])
    op.create_index("ix_ledger_entries_amount_number", "ledger_entries", ["amount", "number"])
    op.create_index("ix_topups_state_number", "topups", ["state", "number"])
    op.create_index("ix_topups_amount_number", "topups", ["amount", "number"])


def downgrade() -> None:
    op.drop_index("ix_topups_amount_number", table_name="topups")
    op.drop_index("ix_topups_state_number", table_name="topups")
    op.drop_index("ix_ledger_entries_amount_number", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_type_number", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_created_at", table_name="ledger_entries")
    op.create_index("ix_ledger_entries_created_at", "ledger_entries", ["created_at"])
    op.execute("DELETE FROM notifications WHERE kind = 'grace_reminder'")
    _let_messages_be(with_new=False)
