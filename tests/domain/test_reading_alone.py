"""What a request reads stands alone, statement by statement; what it writes is still one transaction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import InternalError

from minispod.accounts.models import User
from minispod.kernel.database import ask, begin_reading, db, end_reading, session
from minispod.kernel.together import Together
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.statements import asked
from tests.plugins.app import Person

NAMES = "SELECT string_agg(name, ',' ORDER BY name) FROM users"


def rename(to: str) -> None:
    session().execute(update(User).values(name=to))


@pytest.mark.usefixtures("reading")
def test_no_transaction_is_left_open_and_every_statement_is_bounded() -> None:
    assert session().scalar(text("SELECT current_setting('statement_timeout')")) == "30s"
    assert session().scalar(text("SELECT current_setting('lock_timeout')")) == "15s"

    beneath = cast("Any", session().connection().connection.dbapi_connection)
    assert beneath.info.transaction_status == 0


@pytest.mark.usefixtures("reading")
def test_what_reads_cannot_write(customer: Person) -> None:
    with pytest.raises(InternalError, match="read-only"):
        rename("Nobody")


def _change_rows() -> None:
    for user in session().scalars(select(User)):
        user.name = "Nobody"
    session().commit()


def _send_one_for_many() -> None:
    ids = session().scalars(select(User.id)).all()
    change = text("UPDATE users SET name = 'Nobody' WHERE id = :id")
    session().connection().execute(change, [{"id": each} for each in ids])


@pytest.mark.usefixtures("reading")
@pytest.mark.parametrize("write", [_change_rows, _send_one_for_many])
def test_what_reads_cannot_write_many_rows_at_once_either(
    customer: Person, administrator: Person, write: Callable[[], None]
) -> None:
    with pytest.raises(InternalError, match="read-only"):
        write()
    session().rollback()

    assert "Nobody" not in str(session().scalar(text(NAMES)))


@pytest.mark.usefixtures("reading")
def test_a_unit_of_work_writes_all_or_nothing_between_reads(customer: Person) -> None:
    before = session().scalar(select(User.name))
    with suppress(ZeroDivisionError), unit_of_work():
        rename("Nobody")
        raise ZeroDivisionError
    assert session().scalar(select(User.name)) == before

    with unit_of_work():
        rename("Somebody")
    assert session().scalar(select(User.name)) == "Somebody"
    with pytest.raises(InternalError, match="read-only"):
        rename("Nobody")


def test_the_connection_of_a_read_is_an_ordinary_one_afterwards(app: Flask, customer: Person) -> None:
    with app.app_context():
        db.engine.dispose()
        begin_reading()
        number = session().scalar(text("SELECT pg_backend_pid()"))
        end_reading()
        db.session.remove()

        assert session().scalar(text("SELECT pg_backend_pid()")) == number
        rename("Nobody")
        session().rollback()
        assert session().scalar(select(User.name)) != "Nobody"


def snapshot() -> Any:
    """What changes with each transaction of the server that writes."""
    found = session().scalar(text("SELECT pg_current_snapshot()::text"))
    db.session.remove()
    return found


def test_what_was_answered_is_asked_again_only_after_a_change(app: Flask, customer: Person) -> None:
    with app.app_context():
        db.engine.dispose()
        for _ in range(1000):
            before, first = snapshot(), ask(NAMES)
            with asked() as sent:
                assert ask(NAMES) == first
            # The server changes too when it tidies up by itself: then asking again is right.
            if snapshot() == before:
                break
        else:
            pytest.fail("the server was never left alone")
        assert len(sent) == 1

        with unit_of_work():
            rename("Changed")
        assert ask(NAMES) == "Changed"


def test_what_is_not_committed_is_in_no_answer(app: Flask, customer: Person) -> None:
    with app.app_context():
        first = ask(NAMES)
        rename("Changing")
        assert ask(NAMES) == first

        session().commit()
        assert ask(NAMES) == "Changing"


def test_whoever_comes_late_is_answered_by_the_next_question() -> None:
    together, is_put, may_end = Together(), Event(), Event()
    put: list[int] = []

    def question() -> int:
        put.append(len(put))
        is_put.set()
        assert may_end.wait(30)
        return len(put)

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(together.ask, question)
        assert is_put.wait(30)
        late = [threads.submit(together.ask, question) for _ in range(3)]
        may_end.set()

        assert first.result(30) == 1
        assert all(each.result(30) >= 2 for each in late)


def test_what_a_question_raises_it_raises_for_all_and_the_next_is_answered() -> None:
    together, is_put, may_end = Together(), Event(), Event()

    def slow() -> None:
        is_put.set()
        assert may_end.wait(30)

    def broken() -> None:
        raise LookupError

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(together.ask, slow)
        assert is_put.wait(30)
        late = [threads.submit(together.ask, broken) for _ in range(2)]
        may_end.set()
        first.result(30)
        for each in late:
            with pytest.raises(LookupError):
                each.result(30)

    assert together.ask(lambda: "answered") == "answered"
