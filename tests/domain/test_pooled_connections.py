"""A connection that died in the pool is noticed before it is used; one that was used a moment ago is not asked."""

from contextlib import closing

import psycopg2
import pytest
from flask import Flask

from minispod.kernel import database
from minispod.kernel.database import ask, db


@pytest.fixture(autouse=True)
def fresh_pool(app: Flask) -> None:
    """Nothing that an earlier test left in the pool."""
    with app.app_context():
        db.engine.dispose()


def test_a_dead_connection_is_replaced(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_SURELY_STANDS_SECONDS", -1.0)
    with app.app_context():
        number = ask("SELECT pg_backend_pid()")
        with closing(
            psycopg2.connect(db.engine.url.set(drivername="postgresql").render_as_string(False))
        ) as another:
            another.cursor().execute(f"SELECT pg_terminate_backend({number}, 10000)")

        assert ask("SELECT pg_backend_pid()") != number


def test_a_connection_that_was_used_a_moment_ago_is_not_asked(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    with app.app_context():
        ping = db.engine.dialect.do_ping
        monkeypatch.setattr(db.engine.dialect, "do_ping", lambda each: asked.append(each) or ping(each))
        monkeypatch.setattr(database, "_SURELY_STANDS_SECONDS", 3600.0)
        ask("SELECT 1")
        asked.clear()  # the pool may ask a connection that is new

        assert ask("SELECT 1") == 1
    assert asked == []


def test_what_is_asked_alone_is_bounded_and_leaves_no_transaction(app: Flask) -> None:
    with app.app_context():
        assert ask("SELECT current_setting('statement_timeout')") == "30s"
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "30s"
            assert connection.connection.dbapi_connection.autocommit is False
