"""values that owners set, credentials that were changed, and what nobody owns in the cluster

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), ondelete="RESTRICT"
    )


def upgrade() -> None:
    op.create_table(
        "instance_environments",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("names_before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed_before", sa.Text(), nullable=False),
        sa.Column("state", _enum("environment_state", "APPLYING", "APPLIED", "UNDONE"), nullable=False),
        sa.Column("is_trial", sa.Boolean(), nullable=False),
        _time("changed_at"),
        sa.Column("error", sa.Text(), nullable=True),
        _refers("instance_environments", "instance_id", "instances"),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_instance_environments")),
    )
    op.create_table(
        "secret_rotations",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sealed_new", sa.Text(), nullable=True),
        sa.Column("state", _enum("rotation_state", "ASKED", "DONE", "FAILED"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("asked_at"),
        _time("settled_at", nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        _refers("secret_rotations", "instance_id", "instances"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret_rotations")),
    )
    op.create_index(
        "uq_secret_rotations_one_asked",
        "secret_rotations",
        ["instance_id"],
        unique=True,
        postgresql_where=sa.text("state = 'ASKED'"),
    )
    op.create_index(
        "ix_secret_rotations_instance_id_asked_at", "secret_rotations", ["instance_id", "asked_at"]
    )
    op.create_table(
        "orphans",
        sa.Column("kind", _enum("orphan_kind", "WORKLOAD", "CLAIM", "NAMESPACE"), nullable=False),
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("instance_label", sa.String(length=63), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("is_trial", sa.Boolean(), nullable=False),
        sa.Column("size", sa.String(length=20), nullable=True),
        _time("made_at", nullable=True),
        _time("first_seen_at"),
        _time("last_seen_at"),
        sa.Column("wish", _enum("orphan_wish", "REMOVE", "REPLACE"), nullable=True),
        _time("wished_at", nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        _refers("orphans", "instance_id", "instances"),
        _refers("orphans", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orphans")),
        sa.UniqueConstraint("kind", "namespace", "name", name=op.f("uq_orphans_kind_namespace_name")),
    )


def downgrade() -> None:
    op.drop_table("orphans")
    op.drop_table("secret_rotations")
    op.drop_table("instance_environments")
