"""tickets

Conversations with customers: tickets, messages, attachments. One more kind of message.

Revision ID: 0016
Revises: 0014
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


_NEW_KINDS = ("ticket_answered",)


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
    op.execute("CREATE SEQUENCE ticket_numbers")
    op.create_table(
        "tickets",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "OPEN",
                "IN_PROGRESS",
                "CLOSED",
                name="ticket_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "priority",
            sa.Enum(
                "LOW",
                "NORMAL",
                "HIGH",
                "CRITICAL",
                name="ticket_priority",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("instance_state", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("customer_read", sa.Integer(), nullable=False),
        sa.Column("staff_read", sa.Integer(), nullable=True),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status = 'CLOSED') = (closed_at IS NOT NULL)", name=op.f("ck_tickets_closed_when")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_tickets_user_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["users.id"], name=op.f("fk_tickets_closed_by_users"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_tickets_instance_id_instances"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("number", name=op.f("uq_tickets_number")),
    )
    op.create_index("ix_tickets_user_id_created_at", "tickets", ["user_id", "created_at"])
    op.create_index("ix_tickets_created_at", "tickets", ["created_at"])
    op.create_index(
        "ix_tickets_instance_id",
        "tickets",
        ["instance_id"],
        postgresql_where=sa.text("instance_id IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_answer_due_at",
        "tickets",
        ["answer_due_at"],
        postgresql_where=sa.text("first_answered_at IS NULL AND status <> 'CLOSED'"),
    )
    op.create_table(
        "ticket_messages",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("is_admin_reply", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_messages_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_ticket_messages_author_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_messages")),
        sa.UniqueConstraint("ticket_id", "number", name=op.f("uq_ticket_messages_ticket_id_number")),
    )
    op.create_index("ix_ticket_messages_author_id", "ticket_messages", ["author_id"])
    op.create_table(
        "ticket_attachments",
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("filename", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("mime_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_attachments_ticket_id_tickets"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["ticket_messages.id"],
            name=op.f("fk_ticket_attachments_message_id_ticket_messages"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"],
            ["users.id"],
            name=op.f("fk_ticket_attachments_uploaded_by_users"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_attachments")),
        sa.UniqueConstraint("key", name=op.f("uq_ticket_attachments_key")),
    )
    op.create_index("ix_ticket_attachments_ticket_id", "ticket_attachments", ["ticket_id"])
    op.create_index("ix_ticket_attachments_message_id", "ticket_attachments", ["message_id"])
    op.create_index(
        "ix_ticket_attachments_loose",
        "ticket_attachments",
        ["created_at"],
        postgresql_where=sa.text("ticket_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("ticket_attachments")
    op.drop_table("ticket_messages")
    op.drop_table("tickets")
    op.execute("DROP SEQUENCE ticket_numbers")
    op.execute("DELETE FROM notifications WHERE kind = 'ticket_answered'")
    _let_messages_be(with_new=False)
