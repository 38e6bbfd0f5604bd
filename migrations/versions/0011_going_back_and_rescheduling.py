"""going back to a kept volume, moving without copying

Two kinds of operations. A retired volume keeps the version and the secrets of its data; a volume knows from when on
backups are of its data. A backup remembers that the application must be stopped for it. An instance may prefer a node.

Revision ID: 0011
Revises: 0010
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NEW_KINDS = ("RETURN", "RESCHEDULE")


def _let_operations_be(*, with_new: bool) -> None:
    """Two more kinds of operations, beside those that the constraint allows now."""
    name = op.f("ck_operations_operation_kind")
    present = op.get_bind().scalar(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"), {"name": name}
    )
    kinds = [each for each in re.findall(r"'([A-Z_]+)'::", present) if each not in _NEW_KINDS]
    op.drop_constraint(name, "operations", type_="check")
    kind = sa.column("kind", sa.String())
    op.create_check_constraint(name, "operations", kind.in_([*kinds, *(_NEW_KINDS if with_new else ())]))


def upgrade() -> None:
    _let_operations_be(with_new=True)
    op.add_column("operations", sa.Column("target_volume", sa.Integer(), nullable=True))
    op.add_column(
        "operations",
        sa.Column("must_stand_still", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.alter_column("operations", "must_stand_still", server_default=None)
    op.add_column("instances", sa.Column("preferred_node", sa.String(length=253), nullable=True))
    op.add_column("instance_volumes", sa.Column("data_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("instance_volumes", sa.Column("version", sa.String(length=100), nullable=True))
    op.add_column("instance_volumes", sa.Column("sealed_secrets", sa.Text(), nullable=True))
    # Until now every volume but the first was taken to hold other data than the backups before it.
    op.execute(
        "UPDATE instance_volumes SET data_since = created_at WHERE number > 1 AND status IN ('ACTIVE', 'RETIRED')"
    )
    op.execute(
        "UPDATE instance_volumes volume SET version = coalesce("
        " (SELECT from_version FROM operations"
        "  WHERE operations.instance_id = volume.instance_id AND old_volume = volume.number"
        "  AND kind = 'UPGRADE' AND operations.status = 'DONE' LIMIT 1), instances.version)"
        " FROM instances WHERE instances.id = volume.instance_id AND volume.status = 'RETIRED'"
    )


def downgrade() -> None:
    for name in ("sealed_secrets", "version", "data_since"):
        op.drop_column("instance_volumes", name)
    op.drop_column("instances", "preferred_node")
    op.execute("DELETE FROM operations WHERE kind IN ('RETURN', 'RESCHEDULE')")
    op.drop_column("operations", "must_stand_still")
    op.drop_column("operations", "target_volume")
    _let_operations_be(with_new=False)
