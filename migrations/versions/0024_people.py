"""people are found by anything, and staff may look as a customer

Indexes for what is asked about one person: parts of own domains (where trigrams can be had, as in 0019), and what
somebody did. And a table of the times in which an administrator looks at the shop as a customer.

Indexes are built beside a shop that is in use, as in 0017; a run that dies on the way is simply run again.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_PARTS = "ix_custom_domains_host_trgm"
_ACTS = "ix_audit_entries_actor_id_at"
_CAN_SEARCH = (
    "SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid))"
)


def _build(name: str, table: str, columns: list[str], **how: object) -> None:
    """Build an index while others write; one that a run left half built counts as none."""
    is_valid = op.get_bind().scalar(
        sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
    )
    if is_valid is False:
        _drop(name)
    op.create_index(name, table, columns, if_not_exists=True, postgresql_concurrently=True, **how)


def _drop(name: str) -> None:
    op.drop_index(name, if_exists=True, postgresql_concurrently=True)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _build(_ACTS, "audit_entries", ["actor_id", "at"])
        if op.get_bind().scalar(sa.text(_CAN_SEARCH)):
            _build(
                _PARTS,
                "custom_domains",
                ["host"],
                postgresql_using="gin",
                postgresql_ops={"host": "gin_trgm_ops"},
            )
    op.create_table(
        "viewings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("administrator_id", sa.Uuid(), nullable=False),
        sa.Column("administrator_version", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_digest", sa.String(length=64), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(code_digest IS NULL) = (code_until IS NULL)", name=op.f("ck_viewings_code_until")
        ),
        sa.ForeignKeyConstraint(
            ["administrator_id"],
            ["users.id"],
            name=op.f("fk_viewings_administrator_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["users.id"], name=op.f("fk_viewings_customer_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_viewings")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_viewings_code_digest")),
    )
    op.create_index(op.f("ix_viewings_administrator_id"), "viewings", ["administrator_id"])
    op.create_index(op.f("ix_viewings_customer_id"), "viewings", ["customer_id"])
    op.create_index(op.f("ix_viewings_ends_at"), "viewings", ["ends_at"])


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _drop(_PARTS)
        _drop(_ACTS)
    op.drop_table("viewings")
