"""Databases for tests: one is migrated, all others are copies of it.

Not a plugin: plain functions that tests/plugins/servers.py builds fixtures from.
"""

import os
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from psycopg2.sql import SQL, Identifier

# Any number will do, as long as all workers of all sessions use the same.
TEMPLATE_LOCK = 7_301_442

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
    """Run the real migrations through the real application."""
    from flask_migrate import upgrade

    from minispod.app import create_app
    from minispod.kernel.database import db
    from minispod.settings import Settings

    app = create_app(Settings(database_url=url, redis_url="redis://127.0.0.1:1/0", minispod_env="test"))
    with app.app_context():
        upgrade()
        db.engine.dispose()  # a database in use cannot be copied


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
