"""payments are found by the gateway's id

Indexes on the gateway's ids of payments, so that a search of money asks no table whole.

Revision ID: 0023
Revises: 0018
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_topups_transaction_id", "topups", ["transaction_id"])
    op.create_index("ix_topups_paid_transaction_id", "topups", ["paid_transaction_id"])
    op.create_index("ix_gateway_notices_transaction_id", "gateway_notices", ["transaction_id"])


def downgrade() -> None:
    op.drop_index("ix_gateway_notices_transaction_id", table_name="gateway_notices")
    op.drop_index("ix_topups_paid_transaction_id", table_name="topups")
    op.drop_index("ix_topups_transaction_id", table_name="topups")
