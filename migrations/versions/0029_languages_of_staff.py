"""the language an account is spoken to in

None means that nobody has chosen: pages follow the browser, mails are English. A column without a default is added
without rewriting the table; its check is proven afterwards, when the lock of that is gone and others write. A run
that dies on the way is simply run again.

Revision ID: 0029
Revises: 0027
"""

from alembic import op

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None

_CHECK = "ck_users_language"


def upgrade() -> None:
    op.execute("ALTER TABLE users ADD COLUMN IF NOT EXISTS language varchar(2)")
    op.execute(f"ALTER TABLE users DROP CONSTRAINT IF EXISTS {_CHECK}")
    op.execute(f"ALTER TABLE users ADD CONSTRAINT {_CHECK} CHECK (language IN ('en', 'id')) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE users VALIDATE CONSTRAINT {_CHECK}")


def downgrade() -> None:
    op.drop_constraint(op.f(_CHECK), "users", type_="check")
    op.drop_column("users", "language")
