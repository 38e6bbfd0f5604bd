"""Migrations: one head, up and down and up again, and the schema they make is the schema of the models."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from click import Context
from flask import Flask, current_app
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, event, inspect, text

from minispod.app import create_app
from minispod.health import newest_migration
from minispod.kernel.database import db
from minispod.settings import Settings
from minispod.subscriptions import live_sizes
from tests.concurrency.waiting import holding, waits_with


@pytest.fixture
def empty_app(empty_database_url: str) -> Iterator[Flask]:
    """The application on a database without tables."""
    app = create_app(
        Settings(
            database_url=empty_database_url,
            redis_url="redis://127.0.0.1:1/0",
            minispod_env="test",
            log_level="WARNING",
        )
    )
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def scripts() -> ScriptDirectory:
    return ScriptDirectory(current_app.extensions["migrate"].directory)


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def leftovers(connection: Connection) -> list[str]:
    """Functions, sequences and types of ours that are still there; an extension's are not."""
    found = connection.execute(
        text(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
            " UNION ALL SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"
        )
    )
    return [row[0] for row in found]


def is_in_models(name: str | None, kind: str, _: object) -> bool:
    """Indexes of trigrams are there where their extension can be had, so no model can name them."""
    return kind != "index" or not str(name).endswith("_trgm")


def test_there_is_one_head(empty_app: Flask) -> None:
    assert len(scripts().get_heads()) == 1


def test_the_health_check_waits_for_the_newest(empty_app: Flask) -> None:
    assert newest_migration(current_app.extensions["migrate"].directory) == scripts().get_current_head()


def test_the_commands_are_there_when_asked_for(empty_app: Flask) -> None:
    said = empty_app.test_cli_runner().invoke(args=["db", "heads"])

    assert said.exit_code == 0, said.output
    assert {"create-admin", "db", "openapi", "proof"} <= set(
        empty_app.cli.list_commands(Context(empty_app.cli))
    )


def test_every_migration_says_how_to_go_back(empty_app: Flask) -> None:
    for script in scripts().walk_revisions():
        assert script.doc, script.revision
        assert script.module.downgrade.__code__.co_names, f"{script.revision} cannot be undone"


def test_up_down_up_works_and_down_leaves_nothing(empty_app: Flask) -> None:
    upgrade()
    with db.engine.connect() as connection:
        made = tables(connection)
    downgrade(revision="base")
    with db.engine.connect() as connection:
        left = tables(connection), leftovers(connection)
    upgrade()
    with db.engine.connect() as connection:
        made_again = tables(connection)

    assert made == set(db.metadata.tables)
    assert left == (set(), [])
    assert made_again == made


def test_whoever_keeps_the_database_may_refuse_trigrams(empty_app: Flask) -> None:
    """Some keep a list of what may be installed, whatever it is trusted with; and what is installed is theirs."""
    with db.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'not on the list'; END $$"
            )
        )
        tags = "TAG IN ('CREATE EXTENSION', 'DROP EXTENSION')"
        trigger = f"ON ddl_command_start WHEN {tags} EXECUTE FUNCTION refuse()"
        connection.execute(text(f"CREATE EVENT TRIGGER keeper {trigger}"))

    upgrade(revision="0019")
    with db.engine.connect() as connection:
        built = {each["name"] for each in inspect(connection).get_indexes("users")}
    downgrade(revision="0018")

    assert "ix_users_created_at_id" in built
    assert "ix_users_parts_trgm" not in built


def test_indexes_of_the_ledger_are_built_while_others_write(empty_app: Flask) -> None:
    """The shop is open while `release` runs: no statement may shut the ledger, and a run that died is run again."""
    upgrade(revision="0016")
    seen: list[str] = []

    def watch(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", watch)
    upgrade(revision="0017")
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0016'"))
        half = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_topups_state_number'::regclass"
        connection.execute(text(half))
    upgrade(revision="0017")
    with db.engine.connect() as connection:
        assert connection.scalars(text("SELECT indexrelid FROM pg_index WHERE NOT indisvalid")).all() == []
    downgrade(revision="0016")
    event.remove(db.engine, "before_cursor_execute", watch)

    touching = [each for each in seen if re.match(r"\s*(CREATE|DROP) INDEX", each)]
    assert len(touching) > 12
    assert [each for each in touching if "CONCURRENTLY" not in each] == []


def test_no_index_of_a_table_that_is_in_use_shuts_it(empty_app: Flask) -> None:
    """As in 0017, from there on: what a migration has not made itself is indexed while others write."""
    upgrade(revision="0017")
    with db.engine.connect() as connection:
        in_use = tables(connection)
    seen: list[str] = []

    def watch(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", watch)
    upgrade()
    event.remove(db.engine, "before_cursor_execute", watch)

    built = [re.match(r"\s*CREATE (UNIQUE )?INDEX (?P<how>.*) ON (?P<table>\w+) ", each) for each in seen]
    of_theirs = [each for each in built if each is not None and each["table"] in in_use]
    assert len(of_theirs) >= 3
    assert [each.string for each in of_theirs if "CONCURRENTLY" not in each["how"]] == []


def test_accounts_are_open_while_their_languages_are_checked(empty_app: Flask) -> None:
    """A check reads all accounts: nobody waits for that to sign in, and a run that died is run again."""
    upgrade(revision="0027")
    shut: list[bool] = []

    def watch(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "VALIDATE" in statement and "NOT VALID" not in statement:
            with db.engine.connect() as another:
                asked = text(
                    "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'users'::regclass"
                    " AND mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')"
                )
                shut.append(bool(another.scalar(asked)))

    event.listen(db.engine, "before_cursor_execute", watch)
    upgrade(revision="0029")
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0027'"))
    upgrade(revision="0029")
    event.remove(db.engine, "before_cursor_execute", watch)

    assert shut == [False, False]


def test_payments_are_indexed_again_after_a_run_that_died(empty_app: Flask) -> None:
    upgrade(revision="0023")
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0022'"))
        half = (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_topups_transaction_id'::regclass"
        )
        connection.execute(text(half))
    upgrade(revision="0023")
    with db.engine.connect() as connection:
        assert connection.scalars(text("SELECT indexrelid FROM pg_index WHERE NOT indisvalid")).all() == []


_SUBSCRIBED = """
    INSERT INTO subscriptions (id, user_id, service_id, plan_id, status, price, last_charge, auto_renew, anchor_at,
                               anchor_period, period_number, started_at, ends_at, failed_charges, created_at,
                               updated_at)
    SELECT md5(name)::uuid, md5('u')::uuid, md5(name)::uuid, md5('p')::uuid, status, 0, 0, true, now(), 1, 1, now(),
           now() + interval '1 month', 0, now(), now()
    FROM (VALUES ('one', 'ACTIVE'), ('two', 'PENDING_PAYMENT'), ('three', 'EXPIRED')) each (name, status);
    INSERT INTO instances (id, subscription_id, user_id, service_slug, name, namespace, host, public_url, is_web, tls,
                           cpu_milli, memory_mb, storage_gb, sealed_secrets, wanted, generation, status,
                           status_changed_at, attempts, restarts, created_at, updated_at)
    SELECT md5(name)::uuid, md5(name)::uuid, md5('u')::uuid, name, name, 'ns', name, '', true, true, 1000, 1024, 10, '',
           'RUNNING', 1, 'RUNNING', now(), 0, 0, now(), now()
    FROM (VALUES ('one'), ('two'), ('three')) each (name)
"""


def test_what_is_live_is_counted_while_others_write(empty_app: Flask) -> None:
    """Whoever writes already is waited for, and counted; a run that died on the way is run again."""
    upgrade(revision="0032")
    with db.engine.begin() as connection:
        connection.execute(text(f"SET LOCAL session_replication_role = replica; {_SUBSCRIBED}"))

    def migrate() -> None:
        with empty_app.app_context():
            upgrade(revision="0033")

    with holding(
        empty_app, "UPDATE subscriptions SET status = 'EXPIRED' WHERE id = md5('two')::uuid"
    ) as writer:
        writer.execute(text("UPDATE instances SET cpu_milli = 500 WHERE name = 'one'"))
        waited_with = waits_with(empty_app, writer, migrate)
    assert "TRIGGER" in waited_with
    assert _live_sizes() == {(500, 1024): 1}

    with db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER subscriptions_turn_live ON subscriptions"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0032'"))
        connection.execute(text("UPDATE subscriptions SET status = 'ACTIVE'"))
    with holding(empty_app, "SELECT pg_advisory_xact_lock(:key)", key=live_sizes._ROOM_LOCK) as order:
        # One that counts as well, for instance.
        assert "pg_advisory_xact_lock" in waits_with(empty_app, order, migrate)
    assert _live_sizes() == {(500, 1024): 1, (1000, 1024): 2}
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE subscriptions SET status = 'CANCELLED'"))
    assert _live_sizes() == {}


_NODES = """
    INSERT INTO cluster_state (id, answered_at) VALUES (1, '2026-11-22T12:00Z');
    INSERT INTO node_readings (id, at, name, is_ready, is_schedulable, is_control_plane, cpu_allocatable,
                               memory_allocatable, cpu_capacity, memory_capacity, pods_allocatable, cpu_requested,
                               memory_requested, pods_running, version, addresses, conditions)
    SELECT gen_random_uuid(), at::timestamptz, name, true, schedulable, control_plane, cpu, 1000, cpu, 1000, 110, 0, 0,
           0, '', '[]', '{}'
    FROM (VALUES ('2026-11-22T12:00Z', 'one', true, false, 4000), ('2026-11-22T12:00Z', 'two', true, false, 8000),
                 ('2026-11-22T12:00Z', 'drained', false, false, 16000),
                 ('2026-11-22T12:00Z', 'control', true, true, 32000), ('2026-11-22T11:59Z', 'one', true, false, 1000))
         each (at, name, schedulable, control_plane, cpu)
"""


@pytest.mark.parametrize(
    ("but", "held"),
    [
        ("true", (12_000, 2_000, 220, 8_000, 1_000)),
        ("is_control_plane", (32_000, 1_000, 110, 32_000, 1_000)),
        ("NOT is_schedulable", (0, 0, 0, 0, 0)),
        ("at < '2026-11-22T12:00Z'", (None, None, None, None, None)),
    ],
)
def test_what_the_workers_hold_is_noted_of_the_last_reading(
    empty_app: Flask, but: str, held: tuple[int | None, ...]
) -> None:
    """An order must not find the machines empty, or endless, between the migration and the next reading."""
    upgrade(revision="0033")
    with db.engine.begin() as connection:
        connection.execute(text(f"{_NODES}; DELETE FROM node_readings WHERE NOT ({but})"))
    upgrade(revision="0034")
    with db.engine.connect() as connection:
        names = "cpu_allocatable, memory_allocatable, pods_allocatable, cpu_of_biggest, memory_of_biggest"
        assert tuple(connection.execute(text(f"SELECT {names} FROM cluster_state")).one()) == held


def _live_sizes() -> dict[tuple[int, int], int]:
    with db.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT cpu_milli, memory_mb, sum(instances) FROM live_sizes GROUP BY 1, 2")
        )
        return {(row[0], row[1]): row[2] for row in rows if row[2]}


def test_migrations_make_what_the_models_say(empty_app: Flask) -> None:
    upgrade()

    with db.engine.connect() as connection:
        options = {"compare_type": True, "include_name": is_in_models}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, db.metadata)

    assert differences == []


def test_migrations_make_the_same_checks_as_the_models(empty_app: Flask) -> None:
    """Alembic compares no CHECK constraints; the database can."""
    upgrade()
    with db.engine.begin() as connection:
        by_migrations = checks(connection)
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        db.metadata.create_all(connection)
        by_models = checks(connection)

    assert by_migrations == by_models


def checks(connection: Connection) -> dict[tuple[str, str], Any]:
    rows = connection.execute(
        text(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'"
        )
    )
    return {(row[0], row[1]): row[2] for row in rows}
