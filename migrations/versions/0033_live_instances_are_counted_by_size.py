"""live instances are counted by size

How much is promised on the machines is asked by each order: of a few rows that the database itself adds to in the
transaction of a change, instead of all instances.

Built beside a shop that is open. Each trigger waits for those who write into its table, and for nobody else, so that
nobody can wait for us in a circle. Whoever writes after both are there is noted down; then all is counted in one
statement, which sees of every change either both, the change and its note, or neither. It holds the lock of those who
ask for room, who may be counting too. A run that dies on the way is simply run again.

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_LIVE = "('ACTIVE', 'PENDING_UPGRADE', 'PENDING_PAYMENT')"
_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION note_live_sizes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'subscriptions' THEN
            INSERT INTO live_sizes (cpu_milli, memory_mb, instances)
            SELECT cpu_milli, memory_mb, CASE WHEN NEW.status IN {_LIVE} THEN 1 ELSE -1 END
            FROM instances WHERE subscription_id = NEW.id;
            RETURN NULL;
        END IF;
        -- Whoever turns the subscription at this moment is waited for, also if it is not live yet: one of the two sees
        -- what the other did.
        PERFORM 1 FROM subscriptions WHERE id IN (OLD.subscription_id, NEW.subscription_id) FOR SHARE;
        INSERT INTO live_sizes (cpu_milli, memory_mb, instances)
        SELECT OLD.cpu_milli, OLD.memory_mb, -1
        FROM subscriptions WHERE id = OLD.subscription_id AND status IN {_LIVE}
        UNION ALL
        SELECT NEW.cpu_milli, NEW.memory_mb, 1
        FROM subscriptions WHERE id = NEW.subscription_id AND status IN {_LIVE};
        RETURN NULL;
    END $$
"""
_TRIGGERS = (
    "instances_come_and_go AFTER INSERT OR DELETE ON instances FOR EACH ROW",
    "instances_change_size AFTER UPDATE ON instances FOR EACH ROW "
    "WHEN ((OLD.subscription_id, OLD.cpu_milli, OLD.memory_mb) IS DISTINCT FROM "
    "(NEW.subscription_id, NEW.cpu_milli, NEW.memory_mb))",
    "subscriptions_turn_live AFTER UPDATE ON subscriptions FOR EACH ROW "
    f"WHEN ((OLD.status IN {_LIVE}) <> (NEW.status IN {_LIVE}))",
)
_BOUND = "SET LOCAL lock_timeout = '5s';"
_COUNT = f"""
    SELECT pg_advisory_xact_lock(210021);
    WITH gone AS (DELETE FROM live_sizes)
    INSERT INTO live_sizes (cpu_milli, memory_mb, instances)
    SELECT i.cpu_milli, i.memory_mb, count(*)
    FROM instances i JOIN subscriptions s ON s.id = i.subscription_id
    WHERE s.status IN {_LIVE} GROUP BY i.cpu_milli, i.memory_mb
"""


def upgrade() -> None:
    op.create_table(
        "live_sizes",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("cpu_milli", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_live_sizes"),
        if_not_exists=True,
    )
    op.execute(_FUNCTION)
    with op.get_context().autocommit_block():
        for trigger in _TRIGGERS:
            # One message is one transaction: the bound holds for this wait, and the lock is let go with it.
            op.execute(f"{_BOUND} CREATE OR REPLACE TRIGGER {trigger} EXECUTE FUNCTION note_live_sizes()")
        op.execute(_BOUND + _COUNT)


def downgrade() -> None:
    for trigger in reversed(_TRIGGERS):
        name, table = trigger.split()[0], trigger.split(" ON ")[1].split()[0]
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute("DROP FUNCTION note_live_sizes()")
    op.drop_table("live_sizes")
