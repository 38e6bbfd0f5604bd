"""long lists of staff

Indexes in the orders in which accounts and subscriptions are listed, which carry what the lists are filtered by; and,
where the extension pg_trgm can be had, indexes for searches of a part of a name, an address, a phone or a host.

Without pg_trgm the same searches read their tables whole. It is part of PostgreSQL's contrib and trusted: whoever may
create in the database may install it. docs/operations/deploying.md says how to have the indexes later.

Built beside a shop that writes, as in 0017; a run that dies on the way is simply run again.

Revision ID: 0019
Revises: 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_USERS = "ix_users_created_at_id"
_SUBSCRIPTIONS = "ix_subscriptions_created_at_id"
_PARTS = {
    "ix_users_parts_trgm": ("users", ("name", "email", "phone")),
    "ix_instances_host_trgm": ("instances", ("host",)),
}
_CAN_SEARCH = (
    "SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid))"
)


def _build(
    name: str, table: str, columns: Sequence[str], *, carried: Sequence[str] = (), parts: bool = False
) -> None:
    """Build an index while others write; one that a run left half built counts as none."""
    is_valid = op.get_bind().scalar(
        sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
    )
    if is_valid is False:
        _drop(name)
    how = {"postgresql_using": "gin", "postgresql_ops": dict.fromkeys(columns, "gin_trgm_ops")}
    op.create_index(
        name,
        table,
        list(columns),
        if_not_exists=True,
        postgresql_concurrently=True,
        **(how if parts else {"postgresql_include": list(carried)}),
    )


def _drop(name: str) -> None:
    op.drop_index(name, if_exists=True, postgresql_concurrently=True)


def _replace_order_of_users(*, carried: Sequence[str]) -> None:
    """Another index in the order of the list; the old one serves until it is there."""
    _build(f"{_USERS}_next", "users", ["created_at", "id"], carried=carried)
    _drop(_USERS)
    op.execute(f"ALTER INDEX {_USERS}_next RENAME TO {_USERS}")


def _get_trigrams() -> bool:
    """Have the extension where it can be had; it may also be refused, or lie where no search path leads."""
    try:
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError as refusal:
        if refusal.connection_invalidated:
            raise
    return bool(op.get_bind().scalar(sa.text(_CAN_SEARCH)))


def upgrade() -> None:
    with op.get_context().autocommit_block():
        _replace_order_of_users(carried=["deleted_at", "role", "is_active"])
        _build(_SUBSCRIPTIONS, "subscriptions", ["created_at", "id"], carried=["status", "service_id"])
        if _get_trigrams():
            for name, (table, columns) in _PARTS.items():
                _build(name, table, columns, parts=True)


def downgrade() -> None:
    # The extension stays: it may have been there before us, and others may have come to use it.
    with op.get_context().autocommit_block():
        for name in _PARTS:
            _drop(name)
        _drop(_SUBSCRIPTIONS)
        _replace_order_of_users(carried=())
