"""The watcher of locks sees them, and sees them out of order."""

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.kernel.database import lock, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet.models import Wallet
from tests.plugins import lock_order
from tests.plugins.app import Person


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("SELECT wallets.user_id \nFROM wallets \nWHERE wallets.user_id = 1 FOR NO KEY UPDATE", "wallets"),
        ("SELECT topups.id \nFROM topups \nLIMIT 1 FOR UPDATE SKIP LOCKED", "topups"),
        ("UPDATE plans SET used_quota=(plans.used_quota + 1)", "plans"),
        (
            "WITH moved AS \n(UPDATE wallets SET balance=1 RETURNING balance)\n INSERT INTO ledger_entries",
            "wallets",
        ),
        ("SELECT pg_advisory_xact_lock(210021) AS pg_advisory_xact_lock_1", lock_order.TURN),
        ("SELECT pg_advisory_xact_lock(1)", None),
        ("SELECT wallets.user_id \nFROM wallets", None),
        ("UPDATE outbox SET version=1", None),
    ],
)
def test_it_knows_a_lock_when_it_sees_one(statement: str, table: str | None) -> None:
    assert lock_order.locked_table(statement) == table


def test_a_lock_out_of_order_is_seen(app: Flask, customer: Person) -> None:
    with app.app_context(), unit_of_work():
        lock(Wallet, customer.id)
        session().execute(text("UPDATE topups SET polls = polls WHERE false"))

    assert lock_order.violations == ["topups was locked after wallets: wallets -> topups"]
    lock_order.violations.clear()


def test_a_lock_out_of_order_in_a_message_is_seen(app: Flask) -> None:
    message = "UPDATE plans SET sort_order = 0 WHERE false;\nUPDATE coupons SET used_count = 0 WHERE false"
    with app.app_context(), unit_of_work():
        session().connection().exec_driver_sql(message)

    assert lock_order.violations == ["coupons was locked after plans: plans -> coupons"]
    lock_order.violations.clear()


def test_locks_end_with_their_transaction(app: Flask, customer: Person) -> None:
    with app.app_context():
        with unit_of_work():
            lock(Wallet, customer.id)
        with unit_of_work():
            session().execute(text("UPDATE topups SET polls = polls WHERE false"))


@pytest.mark.parametrize("column", ["cpu_milli", "memory_mb"])
def test_a_size_changed_without_its_subscription_is_seen(app: Flask, column: str) -> None:
    with app.app_context():
        for statements in (
            [
                "UPDATE subscriptions SET price = 1 WHERE false",
                f"UPDATE instances SET {column} = 1 WHERE false",
            ],
            [f"UPDATE instances SET attempts = 0 WHERE {column} = 1"],
        ):
            with unit_of_work():
                for statement in statements:
                    session().execute(text(statement))
        assert lock_order.violations == []
        with unit_of_work():
            session().execute(text(f"UPDATE instances SET attempts = 0, {column} = 1 WHERE false"))

    assert lock_order.violations == [
        "the size of an instance was changed by who did not hold its subscription"
    ]
    lock_order.violations.clear()
