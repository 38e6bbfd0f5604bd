"""reports over many transactions

Indexes that carry what revenue is summed from and the orders in which money is listed; one kind of message.

The shop runs meanwhile, so indexes are built beside its writing, outside of any transaction. A run that dies on the
way is simply run again: what is there is kept, what is half built is built anew.

Revision ID: 0017
Revises: 0016
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NEW_KINDS = ("grace_reminder",)
_REPLACED = "ix_ledger_entries_created_at"
_CARRIED = ("type", "kind", "delta", "subscription_id")
_ADDED = (
    ("ix_ledger_entries_type_number", "ledger_entries", ("type", "number")),
    ("ix_ledger_entries_amount_number", "ledger_entries", ("amount", "number")),
    ("ix_topups_state_number", "topups", ("state", "number")),
    ("ix_topups_amount_number", "topups", ("amount", "number")),
)


def _build(name: str, table: str, columns: Sequence[str], *, carried: Sequence[str] = ()) -> None:
    """Build an index while others write; one that a run left half built counts as none."""
    is_valid = op.get_bind().scalar(
        sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
    )
    if is_valid is False:
        _drop(name)
    op.create_index(
        name,
        table,
        list(columns),
        if_not_exists=True,
        postgresql_concurrently=True,
        postgresql_include=list(carried),
    )


def _drop(name: str) -> None:
    op.drop_index(name, if_exists=True, postgresql_concurrently=True)


def _replace(*, carried: Sequence[str]) -> None:
    """Another index by the time of an entry; the old one serves until it is there."""
    _build(f"{_REPLACED}_next", "ledger_entries", ["created_at"], carried=carried)
    _drop(_REPLACED)
    op.execute(f"ALTER INDEX {_REPLACED}_next RENAME TO {_REPLACED}")


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
    # No bounds hold outside of a transaction: a build takes its time, and waits for nobody who waits for it.
    with op.get_context().autocommit_block():
        _replace(carried=_CARRIED)
        for name, table, columns in _ADDED:
            _build(name, table, columns)
    _let_messages_be(with_new=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, _, _ in reversed(_ADDED):
            _drop(name)
        _replace(carried=())
    op.execute("DELETE FROM notifications WHERE kind = 'grace_reminder'")
    _let_messages_be(with_new=False)
