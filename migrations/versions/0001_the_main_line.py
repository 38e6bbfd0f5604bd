"""the main line

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE transaction_numbers START WITH 101")
    op.create_table(
        "audit_entries",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject_kind", "subject_id"], unique=False)
    op.create_table(
        "categories",
        sa.Column("slug", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["categories.id"],
            name=op.f("fk_categories_parent_id_categories"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("name", name=op.f("uq_categories_name")),
        sa.UniqueConstraint("slug", name=op.f("uq_categories_slug")),
    )
    op.create_table(
        "cluster_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silent_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_cluster_state_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_state")),
    )
    op.create_table(
        "gateway_notices",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=50), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("transaction_status", sa.String(length=40), nullable=False),
        sa.Column("gross_amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=10), nullable=True),
        sa.Column("merchant_id", sa.String(length=50), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.String(length=40), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_notices")),
        sa.UniqueConstraint("digest", name=op.f("uq_gateway_notices_digest")),
    )
    op.create_index("ix_gateway_notices_order_id", "gateway_notices", ["order_id"], unique=False)
    op.create_index(
        "ix_gateway_notices_received_at_unsettled",
        "gateway_notices",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "node_readings",
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("is_schedulable", sa.Boolean(), nullable=False),
        sa.Column("is_control_plane", sa.Boolean(), nullable=False),
        sa.Column("cpu_allocatable", sa.Integer(), nullable=False),
        sa.Column("memory_allocatable", sa.Integer(), nullable=False),
        sa.Column("cpu_capacity", sa.Integer(), nullable=False),
        sa.Column("memory_capacity", sa.Integer(), nullable=False),
        sa.Column("pods_allocatable", sa.Integer(), nullable=False),
        sa.Column("cpu_requested", sa.Integer(), nullable=False),
        sa.Column("memory_requested", sa.Integer(), nullable=False),
        sa.Column("pods_running", sa.Integer(), nullable=False),
        sa.Column("cpu_used", sa.Integer(), nullable=True),
        sa.Column("memory_used", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(length=60), nullable=False),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("node_created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node_readings")),
    )
    op.create_index("ix_node_readings_at", "node_readings", ["at"], unique=False)
    op.create_index("ix_node_readings_name_at", "node_readings", ["name", "at"], unique=False)
    op.create_table(
        "notifications",
        sa.Column(
            "kind",
            sa.Enum(
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
                name="message_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("to_name", sa.String(length=100), nullable=False),
        sa.Column("to_address", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("dedupe_key", sa.String(length=160), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entry_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "QUEUED",
                "SENT",
                "FAILED",
                name="delivery_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notifications_dedupe_key")),
    )
    op.create_index(
        "ix_notifications_user_id_created_at", "notifications", ["user_id", "created_at"], unique=False
    )
    op.create_table(
        "outbox",
        sa.Column("task", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("caused_by", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("task", "key", name=op.f("uq_outbox_task_key")),
    )
    op.create_index("ix_outbox_run_after_leased_until", "outbox", ["run_after", "leased_until"], unique=False)
    op.create_table(
        "proof_runs",
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("unfinished", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("checks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proof_runs")),
    )
    op.create_index("ix_proof_runs_at", "proof_runs", ["at"], unique=False)
    op.create_table(
        "proof_differences",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("check", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=120), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("repaired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("repaired_by", sa.String(length=120), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["proof_runs.id"],
            name=op.f("fk_proof_differences_run_id_proof_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proof_differences")),
    )
    op.create_index("ix_proof_differences_run_id", "proof_differences", ["run_id"], unique=False)
    op.create_table(
        "pulses",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulses")),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("avatar", sa.String(length=500), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "ADMINISTRATOR", "USER", name="role", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=100), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("google_id", sa.String(length=64), nullable=True),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("google_id", name=op.f("uq_users_google_id")),
        sa.UniqueConstraint("phone", name=op.f("uq_users_phone")),
    )
    op.create_index("uq_users_email_lower", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "refresh_tokens",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_refresh_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_refresh_tokens_digest")),
    )
    op.create_index(op.f("ix_refresh_tokens_family_id"), "refresh_tokens", ["family_id"], unique=False)
    op.create_index(op.f("ix_refresh_tokens_user_id"), "refresh_tokens", ["user_id"], unique=False)
    op.create_table(
        "services",
        sa.Column("slug", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("long_description", sa.Text(), nullable=True),
        sa.Column("icon", sa.String(length=500), nullable=True),
        sa.Column("documentation", sa.String(length=500), nullable=True),
        sa.Column("version", sa.String(length=50), nullable=False),
        sa.Column("docker_image", sa.String(length=200), nullable=False),
        sa.Column("default_port", sa.Integer(), nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("is_featured", sa.Boolean(), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["categories.id"],
            name=op.f("fk_services_category_id_categories"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("slug", name=op.f("uq_services_slug")),
    )
    op.create_index(op.f("ix_services_category_id"), "services", ["category_id"], unique=False)
    op.create_table(
        "tenancies",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_tenancies_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_tenancies")),
        sa.UniqueConstraint("namespace", name=op.f("uq_tenancies_namespace")),
    )
    op.create_table(
        "topups",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(length=50), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("second_of", sa.Uuid(), nullable=True),
        sa.Column(
            "payment_group",
            sa.Enum(
                "BANK_TRANSFER",
                "E_WALLET",
                "CREDIT_CARD",
                "QRIS",
                name="payment_group",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "PAID",
                "FAILED",
                "EXPIRED",
                "CANCELLED",
                "REVIEW",
                "PARTIALLY_REFUNDED",
                "REFUNDED",
                "REVERSED",
                "CHARGEBACK",
                name="top_up_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("request_key", sa.String(length=100), nullable=True),
        sa.Column("snap_token", sa.String(length=100), nullable=True),
        sa.Column("redirect_url", sa.String(length=300), nullable=True),
        sa.Column("checkout_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("paid_transaction_id", sa.String(length=64), nullable=True),
        sa.Column("returned_transaction_id", sa.String(length=64), nullable=True),
        sa.Column("payment_type", sa.String(length=40), nullable=True),
        sa.Column("gateway_state", sa.String(length=40), nullable=True),
        sa.Column("reversed_amount", sa.BigInteger(), nullable=False),
        sa.Column("review_reason", sa.String(length=40), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('CHARGEBACK', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'REVERSED')) = (paid_transaction_id IS NOT NULL)",
            name=op.f("ck_topups_paid_by_a_transaction"),
        ),
        sa.CheckConstraint(
            "(state IN ('CHARGEBACK', 'REFUNDED', 'REVERSED')) = (reversed_amount = amount)",
            name=op.f("ck_topups_taken_back_whole"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_topups_amount_positive")),
        sa.CheckConstraint("fee >= 0", name=op.f("ck_topups_fee_not_negative")),
        sa.CheckConstraint(
            "reversed_amount BETWEEN 0 AND amount", name=op.f("ck_topups_reversed_within_amount")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_topups_user_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["second_of"], ["topups.id"], name=op.f("fk_topups_second_of_topups"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topups")),
        sa.UniqueConstraint("number", name=op.f("uq_topups_number")),
        sa.UniqueConstraint("order_id", name=op.f("uq_topups_order_id")),
        sa.UniqueConstraint("user_id", "request_key", name=op.f("uq_topups_user_id_request_key")),
        sa.UniqueConstraint("second_of", "transaction_id", name=op.f("uq_topups_second_of_transaction_id")),
    )
    op.create_index(
        "ix_topups_next_poll_at",
        "topups",
        ["next_poll_at"],
        unique=False,
        postgresql_where=sa.text("next_poll_at IS NOT NULL"),
    )
    op.create_index("ix_topups_user_id_created_at", "topups", ["user_id", "created_at"], unique=False)
    op.create_table(
        "gateway_looks",
        sa.Column("topup_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("said", sa.String(length=40), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("verdict", sa.String(length=40), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["topup_id"], ["topups.id"], name=op.f("fk_gateway_looks_topup_id_topups"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_looks")),
    )
    op.create_index(
        "ix_gateway_looks_topup_id_last_at", "gateway_looks", ["topup_id", "last_at"], unique=False
    )
    op.create_table(
        "topup_refunds",
        sa.Column("topup_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.String(length=64), nullable=False),
        sa.Column("refund_key", sa.String(length=50), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("taken_back_before", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ASKED",
                "SENT",
                "DONE",
                "REFUSED",
                name="refund_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("refusal", sa.String(length=40), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_topup_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["topup_id"], ["topups.id"], name=op.f("fk_topup_refunds_topup_id_topups"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topup_refunds")),
        sa.UniqueConstraint("refund_key", name=op.f("uq_topup_refunds_refund_key")),
    )
    op.create_index("ix_topup_refunds_topup_id", "topup_refunds", ["topup_id"], unique=False)
    op.create_index(
        "uq_topup_refunds_under_way",
        "topup_refunds",
        ["topup_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('ASKED', 'SENT')"),
    )
    op.create_table(
        "wallets",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("gateway_debt", sa.BigInteger(), nullable=False),
        sa.Column("total_top_up", sa.BigInteger(), nullable=False),
        sa.Column("total_spent", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("balance + gateway_debt >= 0", name=op.f("ck_wallets_covered")),
        sa.CheckConstraint("gateway_debt >= 0", name=op.f("ck_wallets_debt_not_negative")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_wallets_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_wallets")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "TOP_UP",
                "SUBSCRIPTION",
                "UPGRADE",
                "REFUND",
                "ADMIN_ADJUSTMENT",
                "COUPON_REDEMPTION",
                name="entry_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "topup",
                "topup_reversal",
                "period",
                "period_refund",
                "upgrade",
                "upgrade_refund",
                "adjustment",
                "opening",
                "coupon",
                name="entry_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("balance_before", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("payment_method", sa.String(length=40), nullable=True),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount = abs(delta)", name=op.f("ck_ledger_entries_amount_is_size")),
        sa.CheckConstraint("balance_after = balance_before + delta", name=op.f("ck_ledger_entries_adds_up")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["wallets.user_id"],
            name=op.f("fk_ledger_entries_user_id_wallets"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("kind", "reference", name=op.f("uq_ledger_entries_kind_reference")),
        sa.UniqueConstraint("number", name=op.f("uq_ledger_entries_number")),
        sa.UniqueConstraint("user_id", "position", name=op.f("uq_ledger_entries_user_id_position")),
    )
    op.create_index(
        op.f("ix_ledger_entries_subscription_id"), "ledger_entries", ["subscription_id"], unique=False
    )
    op.create_index("ix_ledger_entries_created_at", "ledger_entries", ["created_at"], unique=False)
    op.create_index(
        "ix_ledger_entries_user_id_created_at", "ledger_entries", ["user_id", "created_at"], unique=False
    )
    op.create_table(
        "adjustments",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("may_owe", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "APPLIED",
                "DECLINED",
                "EXPIRED",
                name="adjustment_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("request_key", sa.String(length=100), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("delta <> 0", name=op.f("ck_adjustments_moves_something")),
        sa.CheckConstraint(
            "(state = 'APPLIED') = (entry_id IS NOT NULL)", name=op.f("ck_adjustments_applied_by_an_entry")
        ),
        sa.CheckConstraint(
            "(state = 'PENDING') = (decided_at IS NULL)", name=op.f("ck_adjustments_decided_once")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_adjustments_decided_by_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_adjustments_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"],
            ["users.id"],
            name=op.f("fk_adjustments_requested_by_users"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["wallets.user_id"],
            name=op.f("fk_adjustments_user_id_wallets"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_adjustments_entry_id")),
        sa.UniqueConstraint(
            "requested_by", "request_key", name=op.f("uq_adjustments_requested_by_request_key")
        ),
    )
    op.create_index(
        "ix_adjustments_expires_at_pending",
        "adjustments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'PENDING'"),
    )
    op.create_index(
        "ix_adjustments_user_id_requested_at", "adjustments", ["user_id", "requested_at"], unique=False
    )
    op.create_table(
        "wallet_snapshots",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_wallet_snapshots_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["wallets.user_id"],
            name=op.f("fk_wallet_snapshots_user_id_wallets"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("user_id", "day", name=op.f("pk_wallet_snapshots")),
    )
    op.create_table(
        "plans",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column(
            "plan_type",
            sa.Enum(
                "FREE",
                "BASIC",
                "PRO",
                "PREMIUM",
                "ENTERPRISE",
                "MAX",
                name="plan_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("monthly_price", sa.BigInteger(), nullable=False),
        sa.Column("cpu_milli", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("storage_gb", sa.Integer(), nullable=False),
        sa.Column("bandwidth", sa.Integer(), nullable=False),
        sa.Column("total_quota", sa.Integer(), nullable=False),
        sa.Column("used_quota", sa.Integer(), nullable=False),
        sa.Column("features", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("max_instances_per_user", sa.Integer(), nullable=False),
        sa.Column("max_domains", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_popular", sa.Boolean(), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("monthly_price >= 0", name=op.f("ck_plans_price_not_negative")),
        sa.CheckConstraint(
            "used_quota >= 0 AND used_quota <= total_quota", name=op.f("ck_plans_not_oversold")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_plans_service_id_services"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("service_id", "plan_type", name=op.f("uq_plans_service_id_plan_type")),
    )
    op.create_table(
        "coupons",
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column(
            "type",
            sa.Enum(
                "CREDIT_TOPUP",
                "SUBSCRIPTION_DISCOUNT",
                "FREE_SERVICE",
                "WELCOME_BONUS",
                name="coupon_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "EXPIRED",
                "DISABLED",
                "USED_UP",
                name="coupon_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("credit_amount", sa.BigInteger(), nullable=True),
        sa.Column(
            "discount_type",
            sa.Enum(
                "FIXED_AMOUNT",
                "PERCENTAGE",
                name="discount_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("discount_percent", sa.Integer(), nullable=True),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("used_count", sa.Integer(), nullable=False),
        sa.Column("max_uses_per_user", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column(
            "plan_type",
            sa.Enum(
                "FREE",
                "BASIC",
                "PRO",
                "PREMIUM",
                "ENTERPRISE",
                "MAX",
                name="plan_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("code = upper(code)", name=op.f("ck_coupons_code_upper_case")),
        sa.CheckConstraint("credit_amount > 0", name=op.f("ck_coupons_credit_positive")),
        sa.CheckConstraint("status <> 'USED_UP'", name=op.f("ck_coupons_counter_says_used_up")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_coupons_ends_after_start")),
        sa.CheckConstraint("used_count >= 0 AND (max_uses IS NULL OR used_count <= max_uses)", name=op.f("ck_coupons_not_overused")),
        sa.CheckConstraint("type <> 'WELCOME_BONUS' OR max_uses_per_user = 1", name=op.f("ck_coupons_one_welcome_per_user")),
        sa.CheckConstraint("discount_percent BETWEEN 1 AND 100", name=op.f("ck_coupons_percent_in_range")),
        sa.CheckConstraint("max_uses_per_user >= 1", name=op.f("ck_coupons_some_uses_per_user")),
        sa.CheckConstraint(
            "CASE type WHEN 'SUBSCRIPTION_DISCOUNT' THEN CASE discount_type "
            "WHEN 'FIXED_AMOUNT' THEN credit_amount IS NOT NULL AND discount_percent IS NULL "
            "WHEN 'PERCENTAGE' THEN credit_amount IS NULL AND discount_percent IS NOT NULL ELSE false END "
            "WHEN 'FREE_SERVICE' THEN num_nonnulls(credit_amount, discount_type, discount_percent) = 0 "
            "ELSE credit_amount IS NOT NULL AND num_nonnulls(discount_type, discount_percent) = 0 END",
            name=op.f("ck_coupons_worth_fits_type"),
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_coupons_service_id_services"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("code", name=op.f("uq_coupons_code")),
    )
    op.create_table(
        "coupon_redemptions",
        sa.Column("coupon_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "CREDIT_TOPUP",
                "SUBSCRIPTION_DISCOUNT",
                "FREE_SERVICE",
                "WELCOME_BONUS",
                name="coupon_type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("credit_amount", sa.BigInteger(), nullable=True),
        sa.Column("discount_amount", sa.BigInteger(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(credit_amount IS NULL) = (entry_id IS NULL)", name=op.f("ck_coupon_redemptions_credit_has_entry")),
        sa.CheckConstraint("num_nonnulls(credit_amount, discount_amount) = 1", name=op.f("ck_coupon_redemptions_credit_or_discount")),
        sa.CheckConstraint("credit_amount > 0", name=op.f("ck_coupon_redemptions_credit_positive")),
        sa.CheckConstraint(
            "(discount_amount IS NULL) = (subscription_id IS NULL)",
            name=op.f("ck_coupon_redemptions_discount_has_subscription"),
        ),
        sa.CheckConstraint("discount_amount > 0", name=op.f("ck_coupon_redemptions_discount_positive")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_coupon_redemptions_number_from_one")),
        sa.ForeignKeyConstraint(
            ["coupon_id"],
            ["coupons.id"],
            name=op.f("fk_coupon_redemptions_coupon_id_coupons"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_coupon_redemptions_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_coupon_redemptions_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_redemptions")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_coupon_redemptions_entry_id")),
        sa.UniqueConstraint(
            "user_id", "request_key", name=op.f("uq_coupon_redemptions_user_id_request_key")
        ),
    )
    op.create_index(
        "ix_coupon_redemptions_coupon_id_redeemed_at",
        "coupon_redemptions",
        ["coupon_id", "redeemed_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_coupon_redemptions_subscription_id"), "coupon_redemptions", ["subscription_id"], unique=False
    )
    op.create_index(
        "ix_coupon_redemptions_user_id_redeemed_at",
        "coupon_redemptions",
        ["user_id", "redeemed_at"],
        unique=False,
    )
    op.create_index(
        "uq_coupon_redemptions_use",
        "coupon_redemptions",
        ["coupon_id", "user_id", "number"],
        unique=True,
        postgresql_where=sa.text("returned_at IS NULL"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "SUSPENDED",
                "CANCELLED",
                "EXPIRED",
                "PENDING_UPGRADE",
                "PENDING_PAYMENT",
                name="subscription_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("last_charge", sa.BigInteger(), nullable=False),
        sa.Column("auto_renew", sa.Boolean(), nullable=False),
        sa.Column("anchor_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anchor_period", sa.Integer(), nullable=False),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("billed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_charges", sa.Integer(), nullable=False),
        sa.Column("grace_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retention_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "end_reason",
            sa.Enum(
                "no_credit",
                "auto_renew_off",
                "idle",
                "customer",
                "not_provisioned",
                "retention_over",
                "administrator",
                name="end_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("previous_plan_id", sa.Uuid(), nullable=True),
        sa.Column("plan_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_at > started_at", name=op.f("ck_subscriptions_ends_after_start")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_subscriptions_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_subscriptions_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["previous_plan_id"],
            ["plans.id"],
            name=op.f("fk_subscriptions_previous_plan_id_plans"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_subscriptions_service_id_services"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_subscriptions_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("user_id", "request_key", name=op.f("uq_subscriptions_user_id_request_key")),
    )
    op.create_index(op.f("ix_subscriptions_plan_id"), "subscriptions", ["plan_id"], unique=False)
    op.create_index("ix_subscriptions_retention_until", "subscriptions", ["retention_until"], unique=False)
    op.create_index(op.f("ix_subscriptions_service_id"), "subscriptions", ["service_id"], unique=False)
    op.create_index("ix_subscriptions_status_ends_at", "subscriptions", ["status", "ends_at"], unique=False)
    op.create_index(op.f("ix_subscriptions_user_id"), "subscriptions", ["user_id"], unique=False)
    op.create_index(
        "uq_subscriptions_live",
        "subscriptions",
        ["user_id", "service_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('ACTIVE', 'PENDING_UPGRADE', 'PENDING_PAYMENT')"),
    )
    op.create_table(
        "instances",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service_slug", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("public_url", sa.String(length=300), nullable=False),
        sa.Column("is_web", sa.Boolean(), nullable=False),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("cpu_milli", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("storage_gb", sa.Integer(), nullable=False),
        sa.Column("sealed_secrets", sa.Text(), nullable=False),
        sa.Column(
            "wanted",
            sa.Enum(
                "RUNNING",
                "STOPPED",
                "ABSENT",
                name="wanted",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("restart_wish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "PROVISIONING",
                "RUNNING",
                "STOPPING",
                "STOPPED",
                "STARTING",
                "RESTARTING",
                "ERROR",
                "MAINTENANCE",
                "TERMINATED",
                name="instance_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("status_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("repair_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("health_status", sa.String(length=300), nullable=True),
        sa.Column("last_health_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_ran_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pod_name", sa.String(length=253), nullable=True),
        sa.Column("node_name", sa.String(length=253), nullable=True),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("cpu_usage", sa.Integer(), nullable=True),
        sa.Column("memory_usage", sa.Numeric(precision=12, scale=2, asdecimal=False), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "cpu_milli > 0 AND memory_mb > 0 AND storage_gb >= 0", name=op.f("ck_instances_has_resources")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_instances_subscription_id_subscriptions"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_instances_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("host", name=op.f("uq_instances_host")),
        sa.UniqueConstraint("name", name=op.f("uq_instances_name")),
        sa.UniqueConstraint("subscription_id", name=op.f("uq_instances_subscription_id")),
    )
    op.create_index("ix_instances_status", "instances", ["status"], unique=False)
    op.create_index("ix_instances_updated_at", "instances", ["updated_at"], unique=False)
    op.create_index("ix_instances_user_id", "instances", ["user_id"], unique=False)
    op.create_table(
        "periods",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("charged", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("waived_reason", sa.String(length=500), nullable=True),
        sa.Column("redemption_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "charged >= 0 AND refunded >= 0 AND refunded <= charged",
            name=op.f("ck_periods_refund_within_charge"),
        ),
        sa.CheckConstraint(
            "waived_reason IS NULL OR charged = 0", name=op.f("ck_periods_waived_costs_nothing")
        ),
        sa.CheckConstraint(
            "redemption_id IS NULL OR charged < price", name=op.f("ck_periods_coupon_takes_off")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_periods_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_periods_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_periods_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["redemption_id"],
            ["coupon_redemptions.id"],
            name=op.f("fk_periods_redemption_id_coupon_redemptions"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_periods_subscription_id_subscriptions"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_periods")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_periods_entry_id")),
        sa.UniqueConstraint("redemption_id", name=op.f("uq_periods_redemption_id")),
        sa.UniqueConstraint("subscription_id", "number", name=op.f("uq_periods_subscription_id_number")),
    )
    _create_plan_changes()
    _create_refunds()
    op.create_table(
        "papers",
        sa.Column(
            "kind",
            sa.Enum(
                "RECEIPT",
                "INVOICE",
                "CREDIT_NOTE",
                name="paper_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("buyer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payment", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=True),
        sa.Column("series", sa.String(length=12), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seller", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "language",
            sa.Enum("en", "id", name="language", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("time_zone", sa.String(length=40), nullable=True),
        sa.Column("tax_rate", sa.Integer(), nullable=True),
        sa.Column("net", sa.BigInteger(), nullable=True),
        sa.Column("tax", sa.BigInteger(), nullable=True),
        sa.Column("corrects_number", sa.String(length=24), nullable=True),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "num_nulls(number, series, position, issued_at, seller, language, time_zone, tax_rate, net, tax)"
            " IN (0, 10)",
            name=op.f("ck_papers_issued_at_once"),
        ),
        sa.CheckConstraint("total > 0", name=op.f("ck_papers_total_positive")),
        sa.CheckConstraint("net >= 0 AND tax >= 0 AND net + tax = total", name=op.f("ck_papers_adds_up")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_papers_user_id_users"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_papers_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["papers.id"], name=op.f("fk_papers_corrects_id_papers"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_papers_entry_id")),
        sa.UniqueConstraint("number", name=op.f("uq_papers_number")),
        sa.UniqueConstraint("series", "position", name=op.f("uq_papers_series_position")),
    )
    op.create_index(op.f("ix_papers_corrects_id"), "papers", ["corrects_id"], unique=False)
    op.create_index(op.f("ix_papers_subscription_id"), "papers", ["subscription_id"], unique=False)
    op.create_index("ix_papers_user_id_issued_at", "papers", ["user_id", "issued_at"], unique=False)
    op.create_index("ix_papers_issued_at", "papers", ["issued_at"], unique=False)
    op.create_index(
        "ix_papers_waiting",
        "papers",
        ["entry_number"],
        unique=False,
        postgresql_where=sa.text("number IS NULL"),
    )
    op.create_table(
        "paper_counters",
        sa.Column("series", sa.String(length=12), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("last >= 0", name=op.f("ck_paper_counters_last_not_negative")),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_paper_counters")),
    )
    # What an act opened never changes, what issuing added never again; only downloads are counted.
    op.execute(
        """
        CREATE FUNCTION keep_paper() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            open_to_change text[] := ARRAY['downloads'];
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF OLD.number IS NULL THEN
                    open_to_change := open_to_change || ARRAY['number', 'series', 'position', 'issued_at', 'seller',
                        'language', 'time_zone', 'tax_rate', 'net', 'tax', 'corrects_number'];
                END IF;
                IF to_jsonb(OLD) - open_to_change = to_jsonb(NEW) - open_to_change THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'a paper never changes' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER papers_never_change BEFORE UPDATE OR DELETE ON papers "
        "FOR EACH ROW EXECUTE FUNCTION keep_paper()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in ("ledger_entries", "audit_entries"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    # A snapshot is a witness: it may be dropped when it is old, and never rewritten.
    op.execute(
        "CREATE TRIGGER wallet_snapshots_never_rewritten BEFORE UPDATE ON wallet_snapshots "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    # Each entry goes on where the wallet's last one ended. Whoever writes at the same time without the wallet's
    # lock gets the same position and is refused by the unique constraint.
    op.execute(
        """
        CREATE FUNCTION chain_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            last_position integer;
            last_balance bigint;
        BEGIN
            SELECT position, balance_after INTO last_position, last_balance FROM ledger_entries
                WHERE user_id = NEW.user_id ORDER BY position DESC LIMIT 1;
            IF NEW.balance_before <> coalesce(last_balance, 0) THEN
                RAISE EXCEPTION 'ledger entry begins at % where the wallet''s last one ended at %',
                    NEW.balance_before, coalesce(last_balance, 0)
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            IF NEW.position < 1 OR NEW.position > coalesce(last_position, 0) + 1 THEN
                RAISE EXCEPTION 'ledger entry leaves a gap before position %', NEW.position
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            NEW.position := coalesce(NEW.position, last_position + 1, 1);
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER ledger_entries_chained BEFORE INSERT ON ledger_entries "
        "FOR EACH ROW EXECUTE FUNCTION chain_ledger_entry()"
    )


def _create_plan_changes() -> None:
    op.create_table(
        "plan_changes",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "DONE",
                "RETURNED",
                name="change_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_upgrade", sa.Boolean(), nullable=False),
        sa.Column("from_plan_id", sa.Uuid(), nullable=False),
        sa.Column("to_plan_id", sa.Uuid(), nullable=False),
        sa.Column("from_price", sa.BigInteger(), nullable=False),
        sa.Column("to_price", sa.BigInteger(), nullable=False),
        sa.Column("from_cpu_milli", sa.Integer(), nullable=False),
        sa.Column("from_memory_mb", sa.Integer(), nullable=False),
        sa.Column("period_number", sa.Integer(), nullable=False),
        sa.Column("days_left", sa.Integer(), nullable=False),
        sa.Column("period_days", sa.Integer(), nullable=False),
        sa.Column("quoted", sa.BigInteger(), nullable=False),
        sa.Column("charged", sa.BigInteger(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("is_waived", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "charged >= 0 AND refunded >= 0 AND refunded <= charged",
            name=op.f("ck_plan_changes_refund_within_charge"),
        ),
        sa.CheckConstraint(
            "charged = 0 OR entry_id IS NOT NULL", name=op.f("ck_plan_changes_charge_has_entry")
        ),
        sa.CheckConstraint(
            "state <> 'RETURNED' OR refunded = charged", name=op.f("ck_plan_changes_returned_with_money")
        ),
        sa.CheckConstraint(
            "credited >= 0 AND (credited = 0 OR charged = 0)",
            name=op.f("ck_plan_changes_charged_or_credited"),
        ),
        sa.CheckConstraint(
            "days_left BETWEEN 0 AND period_days", name=op.f("ck_plan_changes_days_within_period")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_plan_changes_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["from_plan_id"],
            ["plans.id"],
            name=op.f("fk_plan_changes_from_plan_id_plans"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["to_plan_id"], ["plans.id"], name=op.f("fk_plan_changes_to_plan_id_plans"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_plan_changes_subscription_id_subscriptions"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_changes")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_plan_changes_entry_id")),
        sa.UniqueConstraint("subscription_id", "number", name=op.f("uq_plan_changes_subscription_id_number")),
        sa.UniqueConstraint(
            "subscription_id", "request_key", name=op.f("uq_plan_changes_subscription_id_request_key")
        ),
    )
    op.create_index(
        "uq_plan_changes_pending",
        "plan_changes",
        ["subscription_id"],
        unique=True,
        postgresql_where=sa.text("state = 'PENDING'"),
    )


def _create_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=True),
        sa.Column("change_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(period_id, change_id) = 1", name=op.f("ck_refunds_of_one_charge")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["change_id"], ["plan_changes.id"], name=op.f("fk_refunds_change_id_plan_changes"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["ledger_entries.id"],
            name=op.f("fk_refunds_entry_id_ledger_entries"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["period_id"], ["periods.id"], name=op.f("fk_refunds_period_id_periods"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_refunds_subscription_id_subscriptions"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("change_id", "request_key", name=op.f("uq_refunds_change_id_request_key")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_refunds_entry_id")),
        sa.UniqueConstraint("period_id", "request_key", name=op.f("uq_refunds_period_id_request_key")),
    )
    op.create_index(
        "ix_refunds_subscription_id_request_key", "refunds", ["subscription_id", "request_key"], unique=False
    )


def downgrade() -> None:
    op.drop_table("paper_counters")
    op.drop_table("papers")
    op.execute("DROP FUNCTION keep_paper()")
    op.drop_index("ix_refunds_subscription_id_request_key", table_name="refunds")
    op.drop_table("refunds")
    op.drop_index(
        "uq_plan_changes_pending",
        table_name="plan_changes",
        postgresql_where=sa.text("state = 'PENDING'"),
    )
    op.drop_table("plan_changes")
    op.drop_table("periods")
    op.drop_index("ix_instances_user_id", table_name="instances")
    op.drop_index("ix_instances_updated_at", table_name="instances")
    op.drop_index("ix_instances_status", table_name="instances")
    op.drop_table("instances")
    op.drop_index(
        "uq_subscriptions_live",
        table_name="subscriptions",
        postgresql_where=sa.text("status IN ('ACTIVE', 'PENDING_UPGRADE', 'PENDING_PAYMENT')"),
    )
    op.drop_index(op.f("ix_subscriptions_user_id"), table_name="subscriptions")
    op.drop_index("ix_subscriptions_status_ends_at", table_name="subscriptions")
    op.drop_index(op.f("ix_subscriptions_service_id"), table_name="subscriptions")
    op.drop_index("ix_subscriptions_retention_until", table_name="subscriptions")
    op.drop_index(op.f("ix_subscriptions_plan_id"), table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_index(
        "uq_coupon_redemptions_use",
        table_name="coupon_redemptions",
        postgresql_where=sa.text("returned_at IS NULL"),
    )
    op.drop_index("ix_coupon_redemptions_user_id_redeemed_at", table_name="coupon_redemptions")
    op.drop_index(op.f("ix_coupon_redemptions_subscription_id"), table_name="coupon_redemptions")
    op.drop_index("ix_coupon_redemptions_coupon_id_redeemed_at", table_name="coupon_redemptions")
    op.drop_table("coupon_redemptions")
    op.drop_table("coupons")
    op.drop_table("plans")
    op.drop_table("wallet_snapshots")
    op.drop_index("ix_adjustments_user_id_requested_at", table_name="adjustments")
    op.drop_index(
        "ix_adjustments_expires_at_pending",
        table_name="adjustments",
        postgresql_where=sa.text("state = 'PENDING'"),
    )
    op.drop_table("adjustments")
    op.drop_index("ix_ledger_entries_user_id_created_at", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_created_at", table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_subscription_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_table("wallets")
    op.drop_table("topup_refunds")
    op.drop_table("gateway_looks")
    op.drop_index("ix_topups_user_id_created_at", table_name="topups")
    op.drop_index(
        "ix_topups_next_poll_at", table_name="topups", postgresql_where=sa.text("next_poll_at IS NOT NULL")
    )
    op.drop_table("topups")
    op.drop_table("tenancies")
    op.drop_index(op.f("ix_services_category_id"), table_name="services")
    op.drop_table("services")
    op.drop_index(op.f("ix_refresh_tokens_user_id"), table_name="refresh_tokens")
    op.drop_index(op.f("ix_refresh_tokens_family_id"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index("uq_users_email_lower", table_name="users")
    op.drop_table("users")
    op.drop_table("pulses")
    op.drop_index("ix_proof_differences_run_id", table_name="proof_differences")
    op.drop_table("proof_differences")
    op.drop_index("ix_proof_runs_at", table_name="proof_runs")
    op.drop_table("proof_runs")
    op.drop_index("ix_outbox_run_after_leased_until", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_notifications_user_id_created_at", table_name="notifications")
    op.drop_table("notifications")
    op.drop_index("ix_node_readings_name_at", table_name="node_readings")
    op.drop_index("ix_node_readings_at", table_name="node_readings")
    op.drop_table("node_readings")
    op.drop_index(
        "ix_gateway_notices_received_at_unsettled",
        table_name="gateway_notices",
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.drop_index("ix_gateway_notices_order_id", table_name="gateway_notices")
    op.drop_table("gateway_notices")
    op.drop_table("cluster_state")
    op.drop_table("categories")
    op.drop_index("ix_audit_entries_subject", table_name="audit_entries")
    op.drop_index("ix_audit_entries_at", table_name="audit_entries")
    op.drop_table("audit_entries")
    op.execute("DROP FUNCTION chain_ledger_entry()")
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP SEQUENCE transaction_numbers")
