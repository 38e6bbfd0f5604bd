"""databases are reached over TCP: a port, a certificate and the authority that signs it

What runs already gets its port and certificate when it is applied the next time (within ten minutes).

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PORT = "uq_instances_tcp_port"
ENDS = "ix_instances_certificate_ends_at"


def upgrade() -> None:
    op.create_table(
        "certificate_authorities",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_certificate_authorities"),
    )
    op.add_column("instances", sa.Column("tcp_port", sa.Integer()))
    op.add_column("instances", sa.Column("sealed_certificate", sa.Text()))
    op.add_column("instances", sa.Column("certificate_ends_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_instances_has_possible_port"), "instances", "tcp_port BETWEEN 1 AND 65535"
    )
    op.create_check_constraint(
        op.f("ck_instances_certificate_ends"),
        "instances",
        "(sealed_certificate IS NULL) = (certificate_ends_at IS NULL)",
    )
    _index(PORT, "tcp_port", unique=True)
    _index(ENDS, "certificate_ends_at", unique=False)


def downgrade() -> None:
    op.drop_index(ENDS, "instances")
    op.drop_index(PORT, "instances")
    op.drop_constraint(op.f("ck_instances_certificate_ends"), "instances", type_="check")
    op.drop_constraint(op.f("ck_instances_has_possible_port"), "instances", type_="check")
    for column in ("certificate_ends_at", "sealed_certificate", "tcp_port"):
        op.drop_column("instances", column)
    op.drop_table("certificate_authorities")


def _index(name: str, column: str, *, unique: bool) -> None:
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, "instances", [column], unique=unique, postgresql_where=where)
