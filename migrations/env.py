"""Alembic environment: the schema of `minispod.tables`, short lock waits, one transaction per migration."""

from logging.config import fileConfig
from typing import Any, Literal

from alembic import context
from flask import current_app

from minispod.kernel.database import UtcTime

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)

_db = current_app.extensions["migrate"].db
# A migration that cannot get its lock soon must fail rather than queue everybody behind it.
_BOUNDS = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '10min'"


def _render(kind: str, thing: Any, autogen: Any) -> str | Literal[False]:
    """Migrations name database types, not ours: they must still run when ours have moved."""
    if kind == "type" and isinstance(thing, UtcTime):
        return "sa.DateTime(timezone=True)"
    return False


def _is_in_models(name: str | None, kind: str, parents: Any) -> bool:
    """Indexes of trigrams are there where their extension can be had (0019): no model names them."""
    return kind != "index" or not str(name).endswith("_trgm")


def run_migrations_online() -> None:
    """Run on the application's own engine."""
    with _db.engine.connect().execution_options(bounds=_BOUNDS) as connection:
        context.configure(
            connection=connection,
            target_metadata=_db.metadata,
            compare_type=True,
            render_item=_render,
            include_name=_is_in_models,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations_online()
