"""A hundred thousand transactions: lists and reports ask the same few statements as ever, and read indexes only.

The rows are consistent by construction and written past the triggers, as `bench/grounds` does.
"""

import re
import uuid
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
ENTRIES = USERS * (MONTHS + 2)

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


def plan_of(app: Flask, statement: str, values: Any, *, must_use_indexes: bool) -> str:
    """How the database carries a statement out; where it must, it takes an index wherever one serves."""
    with app.app_context(), db.engine.connect() as connection:
        if must_use_indexes:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))


def read_whole(app: Flask, statement: str, values: Any) -> list[str]:
    """The large tables that are read from end to end.

    The ledger never is. The smaller ones are when the planner finds it cheaper, not because no index serves.
    """
    chosen = plan_of(app, statement, values, must_use_indexes=False)
    forced = plan_of(app, statement, values, must_use_indexes=True)
    return [
        *(plan for plan in (chosen,) if "Seq Scan on ledger_entries" in plan),
        *(plan for plan in (forced,) if re.search("Seq Scan on (topups|refunds)", plan)),
    ]


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
        whole = [plan for each in statements for plan in read_whole(app, *each)]
        assert whole == [], (name, query)

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
    plans = [plan_of(app, *each, must_use_indexes=False) for each in statements]
    assert any("Index Only Scan using ix_ledger_entries_created_at" in plan for plan in plans)
    assert not any("Seq Scan on ledger_entries" in plan for plan in plans)
    short, _ = look("billing/low-credit", limit=1)
    assert short["count"] == 0
    for limit in (1, 100):
        assert len(look("billing/low-credit", limit=limit)[1]) <= MOST_STATEMENTS
