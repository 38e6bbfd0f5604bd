"""Questions that go past the session find what the session would find, and fail as it would fail."""

import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import bindparam, event, func, literal, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from minispod.accounts.models import User
from minispod.cluster.monitoring import record_nodes
from minispod.kernel import connections
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import (
    BOUNDS,
    ask,
    begin_reading,
    db,
    end_reading,
    find,
    send,
    session,
    table_of,
)
from minispod.kernel.questions import Message, Question, one_of
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.nodes import worker
from tests.factories.statements import asked
from tests.plugins.app import Person

_users = table_of(User).c
EVERY = Question(
    select(_users.id, _users.name, _users.role, _users.is_active, _users.created_at, _users.phone).order_by(
        _users.email
    )
)
OF_ROLE = Question(
    select(_users.name, literal("a 5% share, %(name)s").label("share"))
    .where(one_of(_users.role, [Role.ADMINISTRATOR]), _users.created_at < bindparam("before"))
    .order_by(_users.name)
)
NUMBER = Question(select(func.pg_backend_pid().label("number")))
SLOW = Question(select(literal_column("pg_sleep(30)").label("nothing")))


def as_the_session_finds(question: Question, values: dict[str, Any]) -> list[Any]:
    return [tuple(row) for row in session().execute(question.statement, values)]


@pytest.mark.usefixtures("reading")
def test_values_are_of_the_kinds_that_the_columns_have(customer: Person, administrator: Person) -> None:
    found = find(EVERY, {})

    assert {row.id for row in found} == {customer.id, administrator.id}
    assert {row.role for row in found} == {Role.USER, Role.ADMINISTRATOR}
    assert all(type(row.role) is Role and row.created_at.tzinfo is UTC for row in found)
    assert [tuple(row) for row in found] == as_the_session_finds(EVERY, {})


@pytest.mark.usefixtures("reading")
def test_what_stands_in_a_question_is_found_as_it_is(customer: Person, administrator: Person) -> None:
    before = {"before": datetime(2100, 1, 1, tzinfo=UTC)}
    found = find(OF_ROLE, before)

    assert [row.share for row in found] == ["a 5% share, %(name)s"]
    assert [tuple(row) for row in found] == as_the_session_finds(OF_ROLE, before)
    assert find(OF_ROLE, {"before": datetime(2000, 1, 1, tzinfo=UTC)}) == []


def test_statements_of_one_message_are_answered_by_the_last(
    app: Flask, customer: Person, administrator: Person
) -> None:
    named = Message(
        update(table_of(User)).where(_users.id == bindparam("who")).values(name=bindparam("called")),
        answer=select(_users.id, _users.role, _users.name, _users.created_at)
        .where(_users.role == bindparam("role"), _users.name != "100 %")
        .order_by(_users.email),
    )
    values = {"who": customer.id, "called": "50 % O'Brien", "role": Role.USER}
    with app.app_context(), asked("") as messages:
        [row] = send(named, values)
        assert (row.id, row.role, row.name) == (customer.id, Role.USER, "50 % O'Brien")
        assert row.created_at.tzinfo is UTC
        session().rollback()
        assert (
            send(named, values | {"who": administrator.id, "role": Role.ADMINISTRATOR})[0].name
            == "50 % O'Brien"
        )
        session().rollback()
        with pytest.raises(LookupError, match="poet"):
            send(named, values | {"role": "poet"})
        session().rollback()
    assert sum("UPDATE users" in said and "FROM users" in said for said, _ in messages) == 2


@pytest.mark.usefixtures("reading")
def test_values_are_checked_as_everywhere() -> None:
    with pytest.raises(ValueError, match="naive"):
        find(OF_ROLE, {"before": datetime(2100, 1, 1, tzinfo=UTC).replace(tzinfo=None)})
    with pytest.raises(KeyError):
        find(OF_ROLE, {})


@pytest.mark.usefixtures("reading")
def test_one_of_several_values_would_be_another_text_for_each_number_of_them() -> None:
    with pytest.raises(TypeError, match="one_of"):
        find(Question(select(_users.id).where(_users.name.in_(["A", "B"]))), {})


def test_every_question_of_the_program_finds_what_the_session_finds(
    app: Flask, catalog: None, customer: Person, clock: FrozenClock
) -> None:
    """Those there are, asked for a customer, a catalogue and a node that exist."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("minispod.")]
    ours = [each for module in modules for each in vars(module).values() if isinstance(each, Question)]
    assert len(ours) >= 5
    with app.app_context():
        service = session().execute(text("SELECT id, slug FROM services ORDER BY name LIMIT 1")).one()
        with unit_of_work():
            record_nodes([worker()], clock.now())
        values = {
            "account": customer.id,
            "since": datetime(2020, 1, 1, tzinfo=UTC),
            "read_at": clock.now(),
            "left_out": service.id,
            "slug": service.slug,
            "limit": 5,
            "offset": 0,
        }
        for each in ours:
            begin_reading()
            try:
                alone = [tuple(row) for row in find(each, values)]
            finally:
                end_reading()
            needed = each.statement.compile(db.engine).binds
            given = {name: value for name, value in values.items() if name in needed}
            assert alone == as_the_session_finds(each, given), each.statement
        db.session.remove()


@pytest.mark.usefixtures("reading")
def test_where_nothing_is_prepared_it_is_asked_as_it_is(
    app: Flask, customer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "minispod.prepares", False)
    assert [row.id for row in find(EVERY, {})] == [customer.id]
    assert session().scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0


@pytest.mark.usefixtures("reading")
def test_it_is_counted_bounded_writes_nothing_and_leaves_the_session_alone(customer: Person) -> None:
    bounds = Question(select(func.current_setting(literal("statement_timeout")).label("longest")))
    with asked() as sent:
        assert find(bounds, {})[0].longest == "30s"
    assert len(sent) == 1
    assert not db.session.registry.has()
    writes = Question(select(func.nextval(literal("ticket_numbers")).label("number")))
    with pytest.raises(DBAPIError, match="read-only transaction"):
        find(writes, {})


def test_inside_of_a_transaction_it_is_a_statement_of_it(app: Flask, customer: Person) -> None:
    with app.app_context():
        begin_reading()
        with unit_of_work():
            session().execute(update(User).values(name="Changing"))
            assert find(EVERY, {})[0].name == "Changing"
            session().rollback()
        assert find(EVERY, {})[0].name != "Changing"
        end_reading()
        db.session.remove()


@pytest.mark.usefixtures("reading")
def test_who_holds_a_connection_needs_no_second_one() -> None:
    """Or requests that hold one each would wait for one another, as soon as the pool is empty."""
    held = session().scalar(text("SELECT pg_backend_pid()"))

    assert find(NUMBER, {})[0].number == held
    session().commit()
    assert find(NUMBER, {})[0].number == held  # given back, and used again


def test_one_that_is_lost_is_told_as_silence_and_not_used_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, reading: None
) -> None:
    monkeypatch.setattr(connections, "_SURELY_STANDS_SECONDS", 3600.0)
    lost = find(NUMBER, {})[0].number
    url = db.engine.url.set(drivername="postgresql").render_as_string(False)
    with closing(psycopg2.connect(url)) as another:
        another.cursor().execute(f"SELECT pg_terminate_backend({lost}, 10000)")

    with pytest.raises(OperationalError) as silence:
        find(NUMBER, {})
    assert silence.value.connection_invalidated
    assert find(NUMBER, {})[0].number != lost
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.usefixtures("reading")
@pytest.mark.parametrize(
    "ask_for_it", [lambda: find(NUMBER, {}), lambda: ask("SELECT 1")], ids=["find", "ask"]
)
def test_a_database_that_takes_no_connection_is_told_as_silence(ask_for_it: Callable[[], Any]) -> None:
    def nowhere(_: object, __: object, ___: object, where: dict[str, Any]) -> None:
        where |= {"host": "127.0.0.1", "port": 1}

    event.listen(db.engine, "do_connect", nowhere)
    try:
        with pytest.raises(OperationalError):
            ask_for_it()
    finally:
        event.remove(db.engine, "do_connect", nowhere)
    assert find(NUMBER, {})


@pytest.mark.usefixtures("reading")
def test_a_refusal_of_the_database_is_an_error_that_leaves_the_connection_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = find(NUMBER, {})[0].number
    quick = BOUNDS.replace("30s", "50ms")
    monkeypatch.setattr("minispod.kernel.database._ALONE", quick)
    with pytest.raises(DBAPIError, match="statement timeout"):
        find(SLOW, {})
    monkeypatch.undo()

    assert find(NUMBER, {})[0].number == number
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
