"""lists find their page in an index

Papers and instances are listed newest first, and the rows of one page are found in an index alone; so are the few
mails that could not be sent. What runs at an instant is found among all periods.

Built beside a shop that is open, as in 0017; a run that dies on the way is simply run again.

Revision ID: 0025
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0029"
branch_labels = None
depends_on = None


def _build(name: str, table: str, columns: list[str], **more: object) -> None:
    """Build an index while others write; one that a run left half built counts as none."""
    is_valid = op.get_bind().scalar(
        sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
    )
    if is_valid is False:
        _drop(name)
    op.create_index(name, table, columns, if_not_exists=True, postgresql_concurrently=True, **more)


def _drop(name: str) -> None:
    op.drop_index(name, if_exists=True, postgresql_concurrently=True)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _build(
            "ix_papers_issued_at_entry_number",
            "papers",
            ["issued_at", "entry_number"],
            postgresql_where=sa.text("number IS NOT NULL"),
        )
        _build("ix_periods_ends_at", "periods", ["ends_at"])
        _build("ix_instances_created_at_id", "instances", ["created_at", "id"], postgresql_include=["status"])
        _build(
            "ix_notifications_failed",
            "notifications",
            ["created_at"],
            postgresql_where=sa.text("state = 'FAILED'"),
        )
        _drop("ix_papers_issued_at")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _build("ix_papers_issued_at", "papers", ["issued_at"])
        _drop("ix_notifications_failed")
        _drop("ix_periods_ends_at")
        _drop("ix_instances_created_at_id")
        _drop("ix_papers_issued_at_entry_number")
