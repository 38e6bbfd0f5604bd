"""papers are numbered without waiting for whoever corrects them

An update of a column in a full unique index counts as an update of a key and waits for every transaction that refers to
the row; one in a partial index does not.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNIQUE = {"uq_papers_number": ["number"], "uq_papers_series_position": ["series", "position"]}


def upgrade() -> None:
    for name, columns in UNIQUE.items():
        op.drop_constraint(name, "papers", type_="unique")
        op.create_index(
            name, "papers", columns, unique=True, postgresql_where=sa.text(f"{columns[0]} IS NOT NULL")
        )


def downgrade() -> None:
    for name, columns in UNIQUE.items():
        op.drop_index(name, "papers")
        op.create_unique_constraint(name, "papers", columns)
