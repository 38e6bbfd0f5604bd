"""accounts

Tokens that go out by mail, when an account was deleted, Google's longer ids, and the order of the staff's list.
Three kinds of messages about passwords and addresses.

Revision ID: 0013
Revises: 0012
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


_NEW_KINDS = ("verify_email", "reset_password", "password_changed")


def _let_messages_be(*, with_new: bool) -> None:
    """Three more kinds of messages, beside those that the constraint allows now."""
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
        "mailed_tokens",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "verify_email",
                "reset_password",
                name=op.f("ck_mailed_tokens_purpose"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_mailed_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailed_tokens")),
    )
    op.create_index("ix_mailed_tokens_user_id_purpose", "mailed_tokens", ["user_id", "purpose"])
    op.add_column("users", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("users", "google_id", type_=sa.String(length=255), existing_type=sa.String(length=64))
    op.create_index("ix_users_created_at_id", "users", ["created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_users_created_at_id", table_name="users")
    op.execute("UPDATE users SET google_id = NULL WHERE length(google_id) > 64")
    op.alter_column("users", "google_id", type_=sa.String(length=64), existing_type=sa.String(length=255))
    op.drop_column("users", "deleted_at")
    op.drop_table("mailed_tokens")
    op.execute("DELETE FROM notifications WHERE kind IN ('verify_email', 'reset_password', 'password_changed')")
    _let_messages_be(with_new=False)
