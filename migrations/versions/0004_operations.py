"""operations

Volumes of instances have rows and numbers, instances pin their version, and work in several steps has its rows. What
exists runs on its first volume, in the version that was the recipe's until now.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What the recipes said when instances began to pin it.
_VERSIONS = {
    "ghost-blog": "5.130.6-alpine",
    "gitea": "1.25.4-rootless",
    "grafana": "12.3.1",
    "mariadb": "11.8.6",
    "n8n-automation": "1.123.85",
    "nextcloud": "32.0.5-apache",
    "postgresql": "15.19-alpine",
    "redis": "7.4.11-alpine",
    "uptime-kuma": "2.0.2-slim-rootless",
    "wordpress": "6.8.3-php8.3-apache",
}
_KINDS = (
    "welcome",
    "topup_receipt",
    "instance_ready",
    "instance_failed",
    "provisioning_refunded",
    "renewed",
    "expiry_notice",
    "low_credit",
    "grace_started",
    "expired",
    "revived",
    "data_deleted",
    "plan_changed",
    "plan_change_returned",
    "refunded",
    "extended",
    "cancelled",
    "staff_alert",
    "proof_differs",
)
_NEW_KINDS = ("operation_done", "operation_failed")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    _let_messages_be((*_KINDS, *_NEW_KINDS))
    op.add_column("outbox", sa.Column("leases", sa.Integer(), nullable=False, server_default="0"))
    _add_to_instances()
    _make_volumes()
    _make_operations()


def _add_to_instances() -> None:
    op.add_column("instances", sa.Column("version", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("instances", sa.Column("volume_number", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "instances", sa.Column("awaits_last_backup", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    instances = sa.table("instances", sa.column("version"), sa.column("service_slug"))
    for slug, version in _VERSIONS.items():
        op.execute(instances.update().where(instances.c.service_slug == slug).values(version=version))


def _make_volumes() -> None:
    op.create_table(
        "instance_volumes",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status", _one_of("volume_status", "ACTIVE", "FILLING", "RETIRED", "DELETED"), nullable=False
        ),
        sa.Column("node_name", sa.String(length=253), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fenced_node", sa.String(length=253), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_instance_volumes_instance_id_instances"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_volumes")),
        sa.UniqueConstraint("instance_id", "number", name=op.f("uq_instance_volumes_instance_id_number")),
    )
    op.create_index(
        "uq_instance_volumes_instance_id_active",
        "instance_volumes",
        ["instance_id"],
        unique=True,
        postgresql_where=sa.text("status = 'ACTIVE'"),
    )
    op.create_index(
        "ix_instance_volumes_keep_until_retired",
        "instance_volumes",
        ["keep_until"],
        postgresql_where=sa.text("status = 'RETIRED'"),
    )
    op.execute(
        "INSERT INTO instance_volumes (id, instance_id, number, status, node_name, created_at)"
        " SELECT gen_random_uuid(), id, 1, 'ACTIVE', node_name, created_at FROM instances"
        " WHERE status <> 'TERMINATED' AND storage_gb > 0"
    )


def _make_operations() -> None:
    op.create_table(
        "operations",
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            _one_of("operation_kind", "BACKUP", "RESTORE", "RESET", "MOVE", "UPGRADE", "EVACUATE"),
            nullable=False,
        ),
        sa.Column(
            "status", _one_of("operation_status", "PENDING", "RUNNING", "DONE", "FAILED"), nullable=False
        ),
        sa.Column(
            "step",
            _one_of(
                "step",
                "begin",
                "copy_live",
                "quiesce",
                "open_old",
                "copy",
                "close_old",
                "open_fresh",
                "fill",
                "close_fresh",
                "switch",
                "prove",
                "go_back",
                "undo",
                "ended",
            ),
            nullable=False,
        ),
        sa.Column("step_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("is_under_way", sa.Boolean(), nullable=False),
        sa.Column("resumes", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("may_retry", sa.Boolean(), nullable=False),
        sa.Column(
            "backup_reason",
            _one_of("backup_reason", "daily", "on_demand", "before_delete", "before_upgrade", "before_move"),
            nullable=True,
        ),
        sa.Column("backup_id", sa.Uuid(), nullable=True),
        sa.Column("source_backup_id", sa.Uuid(), nullable=True),
        sa.Column("target_node", sa.String(length=253), nullable=True),
        sa.Column("avoid_node", sa.String(length=253), nullable=True),
        sa.Column("from_version", sa.String(length=100), nullable=True),
        sa.Column("target_version", sa.String(length=100), nullable=True),
        sa.Column("old_volume", sa.Integer(), nullable=True),
        sa.Column("fresh_volume", sa.Integer(), nullable=True),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_id"], ["backups.id"], name=op.f("fk_operations_backup_id_backups"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instances.id"],
            name=op.f("fk_operations_instance_id_instances"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["users.id"],
            name=op.f("fk_operations_requested_by_id_users"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["source_backup_id"],
            ["backups.id"],
            name=op.f("fk_operations_source_backup_id_backups"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_operations_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    op.create_index(
        "uq_operations_instance_id_live",
        "operations",
        ["instance_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('PENDING', 'RUNNING')"),
    )
    op.create_index("ix_operations_instance_id_requested_at", "operations", ["instance_id", "requested_at"])
    op.create_index("ix_operations_status", "operations", ["status"])
    op.create_table(
        "drills",
        sa.Column("backup_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_id"], ["backups.id"], name=op.f("fk_drills_backup_id_backups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drills")),
    )
    op.create_index("ix_drills_requested_at", "drills", ["requested_at"])


def _let_messages_be(kinds: tuple[str, ...]) -> None:
    name = op.f("ck_notifications_message_kind")
    op.drop_constraint(name, "notifications", type_="check")
    kind = sa.column("kind", sa.String())
    op.create_check_constraint(name, "notifications", kind.in_(kinds))


def downgrade() -> None:
    op.drop_table("drills")
    op.drop_table("operations")
    op.drop_table("instance_volumes")
    for column in ("awaits_last_backup", "volume_number", "version"):
        op.drop_column("instances", column)
    op.drop_column("outbox", "leases")
    op.execute("DELETE FROM notifications WHERE kind IN ('operation_done', 'operation_failed')")
    _let_messages_be(_KINDS)
