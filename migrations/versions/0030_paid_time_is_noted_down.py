"""paid time is noted down

One row for each run of paid time of a subscription. Whoever changes what it was read from (a period, a change of plan,
where the subscription ends or begins anew) drops the subscription's rows in the same transaction. The lock makes who
notes down and who changes go one after the other: notes are written under FOR UPDATE of the subscription.
Beside it an index of the few instances whose deletion waits, built while the shop is open.

Revision ID: 0030
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0025"
branch_labels = None
depends_on = None

_WATCHED = ("periods", "plan_changes")
_WAITING = "ix_instances_awaits_last_backup"


def upgrade() -> None:
    # First: what follows is one transaction, and a run that dies on the way is simply run again.
    with op.get_context().autocommit_block():
        op.drop_index(_WAITING, if_exists=True, postgresql_concurrently=True)  # one that a run left half built
        op.create_index(
            _WAITING,
            "instances",
            ["updated_at"],
            postgresql_where=sa.text("awaits_last_backup"),
            postgresql_concurrently=True,
        )
    op.create_table(
        "paid_runs",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("price", sa.BigInteger()),
        sa.CheckConstraint("num_nulls(since, until, price) IN (0, 3)", name="whole_or_empty"),
        sa.CheckConstraint("since < until", name="since_before_until"),
        sa.CheckConstraint("price > 0", name="price_positive"),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name="fk_paid_runs_subscription_id_subscriptions",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscription_id", "number", name="pk_paid_runs"),
    )
    op.execute(
        """
        CREATE FUNCTION drop_paid_runs() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_TABLE_NAME = 'subscriptions' THEN
                DELETE FROM paid_runs WHERE subscription_id = NEW.id;
                RETURN NULL;
            END IF;
            IF TG_OP <> 'INSERT' THEN
                PERFORM 1 FROM subscriptions WHERE id = OLD.subscription_id FOR KEY SHARE;
                DELETE FROM paid_runs WHERE subscription_id = OLD.subscription_id;
            END IF;
            IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.subscription_id <> OLD.subscription_id) THEN
                PERFORM 1 FROM subscriptions WHERE id = NEW.subscription_id FOR KEY SHARE;
                DELETE FROM paid_runs WHERE subscription_id = NEW.subscription_id;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    for table in _WATCHED:
        op.execute(
            f"CREATE TRIGGER {table}_drop_paid_runs AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION drop_paid_runs()"
        )
    op.execute(
        """
        CREATE TRIGGER subscriptions_drop_paid_runs AFTER UPDATE ON subscriptions FOR EACH ROW
        WHEN ((OLD.user_id, OLD.service_id, OLD.ended_at, OLD.anchor_at, OLD.anchor_period)
              IS DISTINCT FROM (NEW.user_id, NEW.service_id, NEW.ended_at, NEW.anchor_at, NEW.anchor_period))
        EXECUTE FUNCTION drop_paid_runs()
        """
    )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_WAITING, if_exists=True, postgresql_concurrently=True)
    for table in (*_WATCHED, "subscriptions"):
        op.execute(f"DROP TRIGGER {table}_drop_paid_runs ON {table}")
    op.execute("DROP FUNCTION drop_paid_runs()")
    op.drop_table("paid_runs")
