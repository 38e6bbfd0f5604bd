"""A hundred thousand transactions: lists and reports ask a few statements, and read what they show and no more.

The rows are consistent by construction and written past the triggers, as `bench/grounds` does.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from minispod.insights.windows import WINDOW
from minispod.kernel.database import db
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of

USERS = 5_000
MONTHS = 18

_FILL = (
    """
    INSERT INTO users (id, name, email, role, is_active, email_verified, token_version, created_at, updated_at)
    SELECT md5('u' || n)::uuid, 'Customer ' || n, n || '@large.example', 'USER', true, true, 1, now(), now()
    FROM generate_series(1, :users) n
    """,
    """
    INSERT INTO wallets (user_id, balance, gateway_debt, total_top_up, total_spent, created_at, updated_at)
    SELECT md5('u' || n)::uuid, n, 0, 1000000, 0, now(), now() FROM generate_series(1, :users) n
    """,
    """
    INSERT INTO topups (id, number, order_id, user_id, amount, fee, payment_group, state, expires_at,
                        paid_transaction_id, reversed_amount, polls, created_at, updated_at)
    SELECT md5('t' || n || '-' || k)::uuid, 1000 + n * 100 + k, 'TOPUP-' || n || '-' || k, md5('u' || n)::uuid,
           1000000, 0, 'QRIS', CASE WHEN k = 0 THEN 'PAID' ELSE 'EXPIRED' END, now(),
           CASE WHEN k = 0 THEN 'tx-' || n END, 0, 1, :began + n * interval '1 minute', now()
    FROM generate_series(1, :users) n, (VALUES (0), (90)) of(k)
    """,
    """
    INSERT INTO subscriptions (id, user_id, service_id, plan_id, status, price, last_charge, auto_renew, anchor_at,
                               anchor_period, period_number, started_at, ends_at, failed_charges, created_at,
                               updated_at)
    SELECT md5('b' || n)::uuid, md5('u' || n)::uuid, p.service_id, p.id, 'ACTIVE', 50000, 50000, true, now(), 1, 1,
           now(), now() + interval '1 month', 0, now(), now()
    FROM generate_series(1, :users) n, (SELECT id, service_id FROM plans ORDER BY id LIMIT 1) p
    """,
    """
    INSERT INTO ledger_entries (id, number, position, user_id, type, kind, reference, amount, delta, balance_before,
                                balance_after, description, subscription_id, details, created_at)
    SELECT CASE WHEN k = 0 THEN md5('t' || n || '-0')::uuid ELSE md5('e' || n || '-' || k)::uuid END,
           1000 + n * 100 + k, k + 1, md5('u' || n)::uuid,
           CASE k WHEN 0 THEN 'TOP_UP' WHEN :months + 1 THEN 'REFUND' ELSE 'SUBSCRIPTION' END,
           CASE k WHEN 0 THEN 'topup' WHEN :months + 1 THEN 'period_refund' ELSE 'period' END, n || ':' || k,
           CASE WHEN k = 0 THEN 1000000 ELSE 50000 + n END,
           CASE k WHEN 0 THEN 1000000 WHEN :months + 1 THEN 50000 + n ELSE -50000 - n END, 0,
           CASE k WHEN 0 THEN 1000000 WHEN :months + 1 THEN 50000 + n ELSE -50000 - n END, 'An entry',
           CASE WHEN k > 0 THEN md5('b' || n)::uuid END, '{}', :began + n * interval '1 minute' + k * interval '20 days'
    FROM generate_series(1, :users) n, generate_series(0, :months + 1) k
    """,
    """
    INSERT INTO periods (id, subscription_id, number, plan_id, starts_at, ends_at, price, charged, refunded, entry_id,
                         created_at)
    SELECT md5('p' || n)::uuid, md5('b' || n)::uuid, 1, p.id, now(), now() + interval '1 month', 50000, 50000, 50000,
           md5('e' || n || '-1')::uuid, now()
    FROM generate_series(1, :users) n, (SELECT id FROM plans ORDER BY id LIMIT 1) p
    """,
    """
    INSERT INTO refunds (id, subscription_id, period_id, amount, reason, entry_id, created_at)
    SELECT md5('r' || n)::uuid, md5('b' || n)::uuid, md5('p' || n)::uuid, 50000, 'An outage',
           md5('e' || n || '-' || (:months + 1))::uuid, now()
    FROM generate_series(1, :users) n
    """,
)


@pytest.fixture
def large(app: Flask, catalog: None) -> None:
    """The tables, filled and analysed."""
    values = {"users": USERS, "months": MONTHS}
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in _FILL:
                asked = statement.replace(":began", "(timestamptz '2026-11-20' - interval '380 days')")
                used = {name: value for name, value in values.items() if f":{name}" in asked}
                connection.execute(text(asked), used)
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def plan_of(app: Flask, statement: str, values: Any, *, how: str = "", settings: str = "") -> Any:
    """How the database carries a statement out."""
    with app.app_context(), db.engine.connect() as connection:
        if settings:
            connection.exec_driver_sql(settings)
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON{how}) {statement}", values).one()
        return plan[0]["Plan"]


def nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def entries_read(app: Flask, statement: str, values: Any) -> int:
    """How many rows of the ledger a statement really reads, those included that it does not want."""
    found = 0
    for node in nodes(plan_of(app, statement, values, how=", ANALYZE")):
        if node.get("Relation Name") == "ledger_entries":
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            found += (rows + node.get("Rows Removed by Index Recheck", 0)) * node["Actual Loops"]
    return found


def without_index(app: Flask, statement: str, values: Any) -> list[str]:
    """The other large tables that are read whole because no index serves, and not because that is cheaper."""
    plan = plan_of(app, statement, values, settings="SET LOCAL enable_seqscan = off")
    scans = [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    return [name for name in scans if name in ("ledger_entries", "topups", "refunds")]


PAGES: list[tuple[str, dict[str, Any]]] = [
    ("transactions", {}),
    ("transactions", {"page": WINDOW // 100}),
    ("transactions", {"cursor": 1000 + USERS * 50}),
    ("transactions", {"cursor": 1200}),
    ("transactions", {"type": "REFUND"}),
    ("transactions", {"type": "ADMIN_ADJUSTMENT"}),
    ("transactions", {"status": "FAILED"}),
    ("transactions", {"status": "REFUNDED"}),
    ("transactions", {"search": "Customer 4321"}),
    ("transactions", {"search": "customer"}),
    ("transactions", {"search": "nobody at all"}),
    ("transactions", {"search": "TXMP-101007"}),
    ("transactions", {"search": "TOPUP-77-90"}),
    ("transactions", {"search": str(uuid.UUID(int=7))}),
    ("transactions", {"sortBy": "amount"}),
    ("transactions", {"sortBy": "amount", "sortOrder": "asc", "page": 50}),
    ("transactions", {"startDate": "2026-11-19", "endDate": "2026-11-20"}),
    ("topups", {}),
    ("topups", {"state": "EXPIRED", "page": 40}),
    ("topups", {"state": "PENDING"}),
    ("topups", {"search": "Customer 4321"}),
    ("topups", {"sortBy": "amount"}),
    ("refunds", {}),
    ("refunds", {"page": 45}),
    ("refunds", {"search": "Customer 4321"}),
]
REPORTS = ("dashboard", "revenue", "subscriptions", "users", "service-control")
MOST_STATEMENTS = 10


def test_lists_and_reports_over_many_transactions(
    app: Flask, large: None, client: FlaskClient, administrator: Person
) -> None:
    def look(path: str, **query: object) -> tuple[Any, list[tuple[str, Any]]]:
        with asked() as statements:
            answer = client.get(f"/api/admin/{path}", query_string=query, headers=administrator.headers)
        return data_of(answer), statements

    for name, query in PAGES:
        _, statements = look(name, **{"limit": 100, **query})
        assert len(statements) <= MOST_STATEMENTS, (name, query)
        # The count and the page each read a window at the most, of a ledger ten times as large.
        read = [entries_read(app, *each) for each in statements]
        assert max(read) <= WINDOW + 101, (name, query, read)
        assert [each for each in statements if without_index(app, *each)] == [], (name, query)

    for name in ("transactions", "topups", "refunds", "wallets/overview"):
        numbers = [len(look(name, limit=limit)[1]) for limit in (1, 10, 100)]
        assert len(set(numbers)) == 1, (name, numbers)
    found, _ = look("transactions", limit=100, page=WINDOW // 100)
    assert (len(found["transactions"]), found["pagination"]["totalIsExact"]) == (100, False)
    found, _ = look("transactions", search="Customer 4321")
    assert found["pagination"]["totalCount"] == MONTHS + 3

    for name in REPORTS:
        _, statements = look(f"analytics/{name}")
        assert len(statements) <= MOST_STATEMENTS, name
    _, statements = look("analytics/dashboard")
    plans = [node for each in statements for node in nodes(plan_of(app, *each))]
    assert "ix_ledger_entries_created_at" in {
        node["Index Name"] for node in plans if node["Node Type"] == "Index Only Scan"
    }
    # Of each customer two entries lie within the thirty days, and no other is read.
    assert max(entries_read(app, *each) for each in statements) == 2 * USERS
    short, _ = look("billing/low-credit", limit=1)
    assert short["count"] == 0
    for limit in (1, 100):
        assert len(look("billing/low-credit", limit=limit)[1]) <= MOST_STATEMENTS
