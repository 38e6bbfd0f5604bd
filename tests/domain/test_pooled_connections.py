"""A connection that died in the pool is noticed before it is used; one that was used a moment ago is not asked."""

from contextlib import closing

import psycopg2
import pytest
from flask import Flask

from minispod.kernel import connections
from minispod.kernel.database import DATABASE_SILENCE, ask, db


@pytest.fixture(autouse=True)
def fresh_pool(app: Flask) -> None:
    """Nothing that an earlier test left in the pool."""
    with app.app_context():
        db.engine.dispose()


def kill(number: int) -> None:
    """End the connection of this number from outside, and wait until it has ended."""
    url = db.engine.url.set(drivername="postgresql").render_as_string(False)
    with closing(psycopg2.connect(url)) as another:
        another.cursor().execute(f"SELECT pg_terminate_backend({number}, 10000)")


def test_a_dead_connection_is_replaced(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_SURELY_STANDS_SECONDS", -1.0)
    with app.app_context():
        number = ask("SELECT pg_backend_pid()")
        kill(number)

        assert ask("SELECT pg_backend_pid()") != number


def test_one_that_dies_unnoticed_is_told_as_the_silence_of_the_database(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the moment in which it is not asked: doors answer 503 to that, and the next question is answered."""
    monkeypatch.setattr(connections, "_SURELY_STANDS_SECONDS", 3600.0)
    with app.app_context():
        kill(ask("SELECT pg_backend_pid()"))

        with pytest.raises(DATABASE_SILENCE):
            ask("SELECT 1")
        assert ask("SELECT 1") == 1


def test_a_new_connection_is_not_asked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has just been let in stands; a pooler that lets in and then refuses is told by the statement itself."""
    asked = []
    with app.app_context():
        monkeypatch.setattr(db.engine.dialect, "do_ping", asked.append)

        assert ask("SELECT 1") == 1
    assert asked == []


def test_a_connection_that_was_used_a_moment_ago_is_not_asked(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    with app.app_context():
        ping = db.engine.dialect.do_ping
        monkeypatch.setattr(db.engine.dialect, "do_ping", lambda each: asked.append(each) or ping(each))
        monkeypatch.setattr(connections, "_SURELY_STANDS_SECONDS", 3600.0)
        ask("SELECT 1")

        assert ask("SELECT 1") == 1
    assert asked == []


def test_what_is_asked_alone_is_bounded_and_leaves_no_transaction(app: Flask) -> None:
    with app.app_context():
        assert ask("SELECT current_setting('statement_timeout')") == "30s"
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "30s"
            assert connection.connection.dbapi_connection.autocommit is False
