"""payments are found by the gateway's id

Indexes on the gateway's ids of payments, so that a search of money asks no table whole.

Built beside a shop that takes payments, as in 0017; a run that dies on the way is simply run again.

Revision ID: 0023
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_ADDED = (
    ("ix_topups_transaction_id", "topups", "transaction_id"),
    ("ix_topups_paid_transaction_id", "topups", "paid_transaction_id"),
    ("ix_gateway_notices_transaction_id", "gateway_notices", "transaction_id"),
)


def _build(name: str, table: str, column: str) -> None:
    """Build an index while others write; one that a run left half built counts as none."""
    is_valid = op.get_bind().scalar(
        sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
    )
    if is_valid is False:
        _drop(name)
    op.create_index(name, table, [column], if_not_exists=True, postgresql_concurrently=True)


def _drop(name: str) -> None:
    op.drop_index(name, if_exists=True, postgresql_concurrently=True)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, column in _ADDED:
            _build(name, table, column)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, _, _ in reversed(_ADDED):
            _drop(name)
