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
                "cancelled",
                "staff_alert",
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
        sa.CheckConstraint(
            "reversed_amount BETWEEN 0 AND amount", name=op.f("ck_topups_reversed_within_amount")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_topups_user_id_users"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topups")),
        sa.UniqueConstraint("number", name=op.f("uq_topups_number")),
        sa.UniqueConstraint("order_id", name=op.f("uq_topups_order_id")),
        sa.UniqueConstraint("user_id", "request_key", name=op.f("uq_topups_user_id_request_key")),
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
                "adjustment",
                "opening",
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
    )
    op.create_index(
        op.f("ix_ledger_entries_subscription_id"), "ledger_entries", ["subscription_id"], unique=False
    )
    op.create_index("ix_ledger_entries_created_at", "ledger_entries", ["created_at"], unique=False)
    op.create_index(
        "ix_ledger_entries_user_id_created_at", "ledger_entries", ["user_id", "created_at"], unique=False
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
                name="end_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_at > started_at", name=op.f("ck_subscriptions_ends_after_start")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_subscriptions_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_subscriptions_plan_id_plans"), ondelete="RESTRICT"
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
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "charged >= 0 AND refunded >= 0 AND refunded <= charged",
            name=op.f("ck_periods_refund_within_charge"),
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
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_periods_subscription_id_subscriptions"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_periods")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_periods_entry_id")),
        sa.UniqueConstraint("subscription_id", "number", name=op.f("uq_periods_subscription_id_number")),
    )
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


def downgrade() -> None:
    op.drop_table("paper_counters")
    op.drop_table("papers")
    op.execute("DROP FUNCTION keep_paper()")
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
    op.drop_table("plans")
    op.drop_index("ix_ledger_entries_user_id_created_at", table_name="ledger_entries")
    op.drop_index("ix_ledger_entries_created_at", table_name="ledger_entries")
    op.drop_index(op.f("ix_ledger_entries_subscription_id"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_table("wallets")
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
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP SEQUENCE transaction_numbers")
