"""What is planned once for a connection answers as if it were asked anew, whatever has become of the plan."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import Text, bindparam, func, literal_column, select, text
from sqlalchemy.exc import OperationalError

from minispod.accounts.models import User
from minispod.app import create_app
from minispod.kernel.database import begin_reading, db, end_reading, run, session, table_of
from minispod.kernel.prepared import among, execute, prepared
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from tests.plugins.app import Person

BEFORE = "SET LOCAL transaction_read_only = on"
NAMED = "SELECT name, price / %(share)s FROM things WHERE name LIKE '%%' || %(part)s::text"
PLANS = text("SELECT statement, custom_plans + generic_plans FROM pg_prepared_statements")

_users = table_of(User).c
BY_NAME = prepared(select(_users.id).where(_users.name.icontains(bindparam("part", type_=Text()))))
BY_IDS = prepared(select(_users.name).where(among(_users.id, "ids")).order_by(_users.name))


@pytest.fixture
def server(settings: Settings) -> Iterator[Any]:
    """A connection on which every statement stands alone, with a table of its own."""
    url = settings.database.database_url.replace("+psycopg2", "")
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE things (name text, price bigint)")
            cursor.execute("INSERT INTO things VALUES ('a 5% share', 90), ('another', 80)")
            yield cursor


def answer(cursor: Any, info: dict[Any, Any], part: str = "share") -> list[Any]:
    execute(cursor, BEFORE, NAMED, {"part": part, "share": 9}, info)
    return list(cursor.fetchall())


def planned(cursor: Any) -> list[int]:
    cursor.execute(str(PLANS))
    return [uses for _, uses in cursor.fetchall()]


def test_a_plan_is_made_once_and_used_with_other_values(server: Any) -> None:
    info: dict[Any, Any] = {}
    assert answer(server, info) == [("a 5% share", 10)]
    assert answer(server, info, part="nobody's") == []
    assert answer(server, info, part="another") == [("another", 8)]
    assert planned(server) == [3]


def test_a_connection_of_a_pooler_that_never_planned_it_is_asked_anyway(server: Any) -> None:
    info: dict[Any, Any] = {}
    answer(server, info)
    server.execute("DEALLOCATE ALL")

    assert answer(server, info) == [("a 5% share", 10)]
    assert answer(server, info) == [("a 5% share", 10)]
    assert planned(server) == [1]


def test_a_connection_of_a_pooler_on_which_somebody_else_planned_it_is_asked_anyway(server: Any) -> None:
    answer(server, {})
    info: dict[Any, Any] = {}
    assert answer(server, info) == [("a 5% share", 10)]
    assert answer(server, info) == [("a 5% share", 10)]
    assert planned(server) == [2]


def test_the_same_words_with_their_values_in_another_order_are_another_plan(server: Any) -> None:
    info: dict[Any, Any] = {}
    for values in ({"part": "a", "other": "b"}, {"other": "b", "part": "a"}):
        execute(server, BEFORE, "SELECT %(part)s::text, %(other)s::text", values, info)
        assert server.fetchall() == [("a", "b")]


def test_a_table_may_change_beneath_a_plan(server: Any) -> None:
    info: dict[Any, Any] = {}
    answer(server, info)
    server.execute("ALTER TABLE things ALTER price TYPE numeric, ALTER name TYPE varchar(90)")

    assert [answer(server, info) for _ in range(3)] == [[("a 5% share", 10)]] * 3


def test_what_is_refused_is_refused_as_without_a_plan_and_changes_nothing(server: Any) -> None:
    info: dict[Any, Any] = {}
    for _ in range(2):
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            execute(server, BEFORE, "DELETE FROM users RETURNING id", {}, info)
    with pytest.raises(psycopg2.errors.UndefinedTable):
        execute(server, BEFORE, "SELECT 1 FROM nowhere", {}, info)


@pytest.mark.usefixtures("reading")
def test_requests_that_read_use_plans_and_are_bounded(customer: Person) -> None:
    name = session().scalar(select(User.name).where(User.id == customer.id))
    for _ in range(2):
        assert run(BY_NAME, {"part": name}).scalars().all() == [customer.id]
    for ids, names in (([customer.id, uuid.uuid4()], [name]), ([], [])):
        assert run(BY_IDS, {"ids": ids}).scalars().all() == names
    bound = prepared(select(func.current_setting(literal_column("'statement_timeout'"))))
    assert [run(bound, {}).scalar_one() for _ in range(2)] == ["30s", "30s"]

    assert sorted(uses for _, uses in session().execute(PLANS)) == [2, 2, 2]


@pytest.mark.usefixtures("reading")
def test_a_new_connection_makes_its_own_plans(customer: Person, settings: Settings) -> None:
    run(BY_IDS, {"ids": [customer.id]})
    lost = session().scalar(text("SELECT pg_backend_pid()"))
    db.session.remove()
    with closing(psycopg2.connect(settings.database.database_url.replace("+psycopg2", ""))) as other:
        other.cursor().execute(f"SELECT pg_terminate_backend({lost}, 10000)")

    begin_reading()
    with pytest.raises(OperationalError):  # within a second of its last use it is not looked at
        run(BY_IDS, {"ids": [customer.id]})
    db.session.remove()
    for _ in range(2):
        assert len(run(BY_IDS, {"ids": [customer.id]}).all()) == 1
    assert session().scalar(text("SELECT pg_backend_pid()")) != lost


@pytest.mark.usefixtures("reading")
def test_a_unit_of_work_makes_no_plans(customer: Person) -> None:
    with unit_of_work():
        assert len(run(BY_IDS, {"ids": [customer.id]}).all()) == 1
    assert session().execute(PLANS).all() == []


def test_plans_can_be_left_to_the_server(app: Flask, customer: Person, settings: Settings) -> None:
    without = Settings(
        **{
            name: value
            for group in Settings.__slots__
            for name, value in getattr(settings, group).model_dump().items()
        }
        | {"database_prepares": False}
    )
    plain = create_app(without, replace(app.extensions["minispod.ports"]))
    with plain.app_context():
        begin_reading()
        try:
            assert len(run(BY_IDS, {"ids": [customer.id]}).all()) == 1
            assert session().execute(PLANS).all() == []
        finally:
            end_reading()
            db.session.remove()
            db.engine.dispose()
