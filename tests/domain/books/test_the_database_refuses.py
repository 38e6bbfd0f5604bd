"""The last line of defence: whatever the program does wrong, PostgreSQL refuses rows that would make money disagree.

For every protection of a money table there is one row, almost like a real one, that only this protection refuses.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from flask import Flask
from psycopg2.sql import SQL, Identifier

from minispod.kernel.clock import FrozenClock
from minispod.payments.states import TopUpState
from minispod.settings import Settings
from tests.factories.payments import put_topup
from tests.mutants.schema import APPEND_ONLY, schema_mutants
from tests.plugins.app import Person
from tests.plugins.shop import Shop

# What a copy of a row needs to be another row.
FRESH: dict[str, dict[str, Any]] = {
    "wallets": {},
    "ledger_entries": {"id": uuid.uuid4().hex, "number": 900_001, "reference": "fresh"},
    "topups": {
        "id": uuid.uuid4().hex,
        "number": 900_001,
        "order_id": "fresh",
        "request_key": "fresh",
    },
    "gateway_notices": {"id": uuid.uuid4().hex, "digest": "fresh"},
    "subscriptions": {"id": uuid.uuid4().hex, "request_key": "fresh", "status": "CANCELLED"},
    "periods": {"id": uuid.uuid4().hex, "number": 2},
    "plans": {"id": uuid.uuid4().hex, "plan_type": "MAX"},
}


@dataclass(frozen=True)
class Refusal:
    """A protection, the table it guards, what a copied row changes, and what of a fresh row it keeps as it was."""

    protection: str
    table: str
    change: dict[str, Any] = field(default_factory=dict)
    same: tuple[str, ...] = ()


# The entry of the opening credit, which belongs to no period.
SPARE = "spare"
LONG_AGO = "2020-01-01T00:00:00Z"
REFUSALS = (
    Refusal("ck_wallets_covered", "wallets", {"balance": -1, "gateway_debt": 0}),
    Refusal("ck_wallets_debt_not_negative", "wallets", {"balance": 10, "gateway_debt": -1}),
    Refusal("ck_ledger_entries_adds_up", "ledger_entries", {"balance_after": 123_456_789}),
    Refusal("ck_ledger_entries_amount_is_size", "ledger_entries", {"amount": 123_456_789}),
    Refusal("uq_ledger_entries_kind_reference", "ledger_entries", same=("reference",)),
    Refusal("uq_ledger_entries_number", "ledger_entries", same=("number",)),
    Refusal(
        "ck_topups_amount_positive",
        "topups",
        {"amount": 0, "state": "PENDING", "paid_transaction_id": None, "reversed_amount": 0},
    ),
    Refusal("ck_topups_reversed_within_amount", "topups", {"reversed_amount": 999_999_999}),
    Refusal("ck_topups_paid_by_a_transaction", "topups", {"paid_transaction_id": None}),
    Refusal("ck_topups_taken_back_whole", "topups", {"state": "REFUNDED"}),
    Refusal("uq_topups_number", "topups", same=("number",)),
    Refusal("uq_topups_order_id", "topups", same=("order_id",)),
    Refusal("uq_topups_user_id_request_key", "topups", same=("request_key",)),
    Refusal("uq_gateway_notices_digest", "gateway_notices", same=("digest",)),
    Refusal("ck_subscriptions_ends_after_start", "subscriptions", {"ends_at": LONG_AGO}),
    Refusal("ck_subscriptions_price_not_negative", "subscriptions", {"price": -1}),
    Refusal("uq_subscriptions_user_id_request_key", "subscriptions", same=("request_key",)),
    Refusal("uq_subscriptions_live", "subscriptions", same=("status",)),
    Refusal("ck_periods_ends_after_start", "periods", {"ends_at": LONG_AGO}),
    Refusal("ck_periods_refund_within_charge", "periods", {"refunded": 999_999_999}),
    Refusal("uq_periods_entry_id", "periods"),
    Refusal("uq_periods_subscription_id_number", "periods", {"entry_id": SPARE}, same=("number",)),
    Refusal("ck_plans_not_oversold", "plans", {"used_quota": 999_999}),
    Refusal("ck_plans_price_not_negative", "plans", {"monthly_price": -1}),
    Refusal("uq_plans_service_id_plan_type", "plans", same=("plan_type",)),
)


@pytest.fixture
def books(
    app: Flask,
    settings: Settings,
    shop: Shop,
    customer: Person,
    clock: FrozenClock,
    plan_id: Callable[..., uuid.UUID],
) -> Iterator[psycopg2.extensions.connection]:
    """A connection to the books of a shop where one of everything is."""
    shop.place(customer, plan_id(), request_key="an-order")
    with app.app_context():
        put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, request_key="a-top-up")
    connection = psycopg2.connect(settings.database.database_url.replace("+psycopg2", ""))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_notices (id, digest, order_id, transaction_id, transaction_status, gross_amount,"
            " facts, deliveries, received_at)"
            " VALUES (gen_random_uuid(), 'seen', 'order', 'tx', 'settlement', 1, '{}', 1, now())"
        )
    connection.commit()
    yield connection
    connection.close()


def insert_copy(books: psycopg2.extensions.connection, refusal: Refusal) -> None:
    """Insert a copy of a row of the table, changed as the refusal says."""
    change = {name: value for name, value in FRESH[refusal.table].items() if name not in refusal.same}
    change |= refusal.change
    with books.cursor() as cursor:
        if change.get("entry_id") == SPARE:
            cursor.execute("SELECT id FROM ledger_entries WHERE kind = 'opening'")
            change["entry_id"] = cursor.fetchone()[0]
        cursor.execute(
            SQL(
                "INSERT INTO {table} SELECT (jsonb_populate_record(row, %s)).* FROM {table} row"
                " ORDER BY row.ctid DESC LIMIT 1"
            ).format(table=Identifier(refusal.table)),
            (json.dumps(change, default=str),),
        )


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.protection)
def test_a_row_that_would_disagree_is_refused(
    books: psycopg2.extensions.connection, refusal: Refusal
) -> None:
    with pytest.raises(psycopg2.IntegrityError) as refused:
        insert_copy(books, refusal)

    assert refused.value.diag.constraint_name == refusal.protection


# An account has one wallet: there is no fault-free copy of that row.
@pytest.mark.parametrize("table", sorted(FRESH.keys() - {"wallets"}))
def test_without_its_fault_the_row_is_taken(books: psycopg2.extensions.connection, table: str) -> None:
    change = {"entry_id": SPARE} if table == "periods" else {}

    insert_copy(books, Refusal("none", table, change))


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET description = 'another'", "DELETE FROM {}"])
def test_what_is_written_stays_written(
    books: psycopg2.extensions.connection, table: str, statement: str
) -> None:
    with books.cursor() as cursor, pytest.raises(psycopg2.IntegrityError, match="append-only"):
        cursor.execute(SQL(statement).format(Identifier(table)))


def test_there_is_a_row_for_every_protection() -> None:
    guarded = {each.name.split()[1] for each in schema_mutants() if not each.name.startswith("trigger")}

    assert {each.protection for each in REFUSALS} == guarded
