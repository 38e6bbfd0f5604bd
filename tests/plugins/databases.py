"""Databases for tests: one is migrated, all others are copies of it.

Not a plugin: plain functions that tests/plugins/servers.py builds fixtures from.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.errors import DeadlockDetected
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from psycopg2.sql import SQL, Identifier
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

SEEDED_AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
"""When the catalogue was made that SEED brings back: the instant at which the clock of a test stands."""

EMPTY = "SELECT tests.empty()"
SEED = "SELECT tests.seed()"

# Any number will do, as long as all workers of all sessions use the same.
TEMPLATE_LOCK = 7_301_442

# One page. In it rows stand in the order they were written; into several pages several connections write side by side,
# and a look without ORDER BY would find them in any order.
SMALL_TABLE_BYTES = 8192

MUTATION = "MINISPOD_TEST_MUTATION"
"""The environment variable with a statement that weakens the schema (tests/mutants)."""


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def create_database(server_url: str, name: str, *, template: str = "template0") -> str:
    """Make a database and give its address."""
    _execute(server_url, SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    return with_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Remove a database, whoever is still connected to it."""
    _execute(server_url, SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def ensure_template(server_url: str, name: str) -> None:
    """Build the migrated database if no other worker has done so; the name appears only when it is complete."""
    with_lock = _connect(server_url)
    try:
        with with_lock.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                draft = f"{name}_draft"
                migrate(create_database(server_url, draft))
                if mutation := os.environ.get(MUTATION):
                    _execute(with_database(server_url, draft), SQL(mutation))
                cursor.execute(
                    SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(draft), Identifier(name))
                )
    finally:
        with_lock.close()


def migrate(url: str) -> None:
    """Run the real migrations through the real application; `tests.empty()` and `tests.seed()` are made on top."""
    from flask_migrate import upgrade

    from minispod.app import create_app
    from minispod.kernel.database import db
    from minispod.settings import Settings

    app = create_app(Settings(database_url=url, redis_url="redis://127.0.0.1:1/0", minispod_env="test"))
    with app.app_context():
        upgrade()
        _make_functions([table.name for table in db.metadata.sorted_tables])
        db.engine.dispose()  # a database in use cannot be copied


def empty_tables() -> None:
    """Empty what the application of this context has its rows in."""
    from minispod.kernel.database import session

    for attempt in range(5):
        session().rollback()
        try:
            session().execute(text(EMPTY))
        except OperationalError as error:
            # A thread of the test that reads its last and an emptying that wants all tables may deadlock.
            if attempt == 4 or not isinstance(error.orig, DeadlockDetected):
                raise
        else:
            session().commit()
            return


def _make_functions(tables: Sequence[str]) -> None:
    """Put what every test needs before and after it into the database, because there it is quick."""
    from minispod.catalog.seeding import seed_catalog
    from minispod.kernel.actor import system
    from minispod.kernel.database import session
    from minispod.kernel.unit_of_work import unit_of_work

    with unit_of_work():
        session().connection().exec_driver_sql("CREATE SCHEMA tests;" + _emptying(tables))
        seed_catalog(actor=system("tests"), at=SEEDED_AT)
        session().flush()
        session().connection().exec_driver_sql(_seeding(tables))
        session().execute(text(EMPTY))


def _emptying(names: Sequence[str]) -> str:
    """A function that empties all tables and sets their sequences back.

    TRUNCATE gives every table and index new files, even an empty one's: 22 ms of processor time after each test, for 31
    tables. Probing and deleting takes 1 to 4. The lock does what TRUNCATE's would:
    it waits until no transaction of the test is left that could still write.
    """
    return f"""
        CREATE FUNCTION tests.empty() RETURNS void LANGUAGE plpgsql
        SET session_replication_role = replica -- the books refuse to be emptied
        AS $$
        DECLARE name text; is_used boolean;
        BEGIN
            LOCK TABLE {", ".join(names)} IN ACCESS EXCLUSIVE MODE;
            FOREACH name IN ARRAY ARRAY[{", ".join(f"'{name}'" for name in names)}] LOOP
                IF pg_relation_size(name::regclass) > {SMALL_TABLE_BYTES} THEN
                    EXECUTE 'TRUNCATE ' || name || ' CASCADE';
                ELSE
                    EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO is_used;
                    IF is_used THEN EXECUTE 'DELETE FROM ' || name; END IF;
                END IF;
            END LOOP;
            PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence;
        END $$;"""


def _seeding(names: Sequence[str]) -> str:
    """A function that writes the rows that are there now: 1 ms, where seeding takes 20."""
    return f"""
        DO $$
        DECLARE name text; is_used boolean; acts text := '';
        BEGIN
            FOREACH name IN ARRAY ARRAY[{", ".join(f"'{name}'" for name in names)}] LOOP
                EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO is_used;
                IF is_used THEN
                    EXECUTE 'CREATE TABLE tests.' || name || ' AS TABLE ' || name;
                    acts := acts || 'INSERT INTO ' || name || ' TABLE tests.' || name || ';';
                END IF;
            END LOOP;
            EXECUTE 'CREATE FUNCTION tests.seed() RETURNS void LANGUAGE sql AS ' || quote_literal(acts);
        END $$"""


def _connect(url: str) -> connection:
    opened = psycopg2.connect(url)
    opened.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return opened


def _execute(url: str, statement: SQL) -> None:
    opened = _connect(url)
    try:
        with opened.cursor() as cursor:
            cursor.execute(statement)
    finally:
        opened.close()
