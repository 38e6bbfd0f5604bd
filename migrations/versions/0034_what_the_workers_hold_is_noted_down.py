"""what the workers hold is noted down

Each order, and the catalogue, asked for all nodes of the last reading to add up what they hold. It stands beside the
time of that reading now, and whoever writes a reading writes it too. Until the program that does so runs, it says what
the last reading before the migration said.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_COLUMNS = ("cpu_allocatable", "memory_allocatable", "pods_allocatable", "cpu_of_biggest", "memory_of_biggest")
_CHECK = "ck_cluster_state_allocatable_is_whole"
_FILL = f"""
    UPDATE cluster_state SET ({", ".join(_COLUMNS)}) = (
        SELECT coalesce(sum(cpu_allocatable), 0), coalesce(sum(memory_allocatable), 0),
               coalesce(sum(pods_allocatable), 0), coalesce(max(cpu_allocatable), 0),
               coalesce(max(memory_allocatable), 0)
        FROM node_readings
        WHERE at = answered_at AND is_schedulable AND (
            NOT is_control_plane
            OR NOT EXISTS (SELECT FROM node_readings worker WHERE worker.at = answered_at AND NOT worker.is_control_plane)
        )
    )
    WHERE EXISTS (SELECT FROM node_readings WHERE at = answered_at)
"""


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("cluster_state", sa.Column(name, sa.Integer()))
    op.execute(_FILL)
    op.create_check_constraint(
        op.f(_CHECK), "cluster_state", f"num_nulls({', '.join(_COLUMNS)}) IN (0, {len(_COLUMNS)})"
    )


def downgrade() -> None:
    op.drop_constraint(op.f(_CHECK), "cluster_state", type_="check")
    for name in reversed(_COLUMNS):
        op.drop_column("cluster_state", name)
