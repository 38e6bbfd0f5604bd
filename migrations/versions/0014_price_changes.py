"""price changes

Whether a plan's price holds for existing subscriptions too, and the price a subscription was told of. One kind of
message about it.

Revision ID: 0014
Revises: 0013
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


_NEW_KINDS = ("price_announced",)


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
    op.add_column(
        "plans",
        sa.Column("is_price_for_all", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("subscriptions", sa.Column("coming_price", sa.BigInteger(), nullable=True))
    op.add_column(
        "subscriptions", sa.Column("coming_price_from", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_subscriptions_coming_price_has_date"),
        "subscriptions",
        "(coming_price IS NULL) = (coming_price_from IS NULL) AND coming_price >= 0",
    )


def downgrade() -> None:
    op.execute("DELETE FROM notifications WHERE kind = 'price_announced'")
    _let_messages_be(with_new=False)
    op.drop_constraint(op.f("ck_subscriptions_coming_price_has_date"), "subscriptions", type_="check")
    op.drop_column("subscriptions", "coming_price_from")
    op.drop_column("subscriptions", "coming_price")
    op.drop_column("plans", "is_price_for_all")
