"""Nothing waits for ever, and nothing relies on a session of its own: a pooler may share it (decision 41)."""

import time

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import text

from minispod.kernel.database import db, lock, session
from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.settings import Settings
from minispod.wallet.models import Wallet
from tests.plugins.app import Person


def _shown(name: str) -> str:
    return str(session().execute(text(f"SHOW {name}")).scalar())


def test_every_transaction_has_its_bounds(app: Flask) -> None:
    with app.app_context():
        for _ in range(2):
            with unit_of_work():
                assert (_shown("lock_timeout"), _shown("statement_timeout")) == ("15s", "30s")
            release_connection()


def test_bounds_end_with_their_transaction(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.commit()
        with connection.connection.cursor() as raw:
            raw.execute("SHOW statement_timeout")
            assert raw.fetchone() == ("0",)


def test_nothing_is_asked_for_at_the_start_of_a_connection(app: Flask) -> None:
    """PgBouncer refuses connections that ask for parameters it does not know."""
    with app.app_context(), db.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        assert not driver.get_dsn_parameters().get("options")


def test_a_migration_has_bounds_of_its_own(app: Flask) -> None:
    with (
        app.app_context(),
        db.engine.connect().execution_options(bounds="SET LOCAL lock_timeout = '5s'") as one,
    ):
        assert one.execute(text("SHOW lock_timeout")).scalar() == "5s"


def test_a_lock_that_is_not_given_up_is_an_error_and_not_a_silence(
    app: Flask, settings: Settings, customer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minispod.kernel.database.BOUNDS", "SET LOCAL lock_timeout = '200ms'")
    holder = psycopg2.connect(settings.database.database_url.replace("+psycopg2", ""))
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1 FROM wallets WHERE user_id = %s FOR UPDATE", (str(customer.id),))
        before = time.monotonic()
        with app.app_context(), pytest.raises(Unavailable), unit_of_work():
            lock(Wallet, customer.id)
    holder.close()

    assert time.monotonic() - before < 14, "the usual bound is 15 s"
