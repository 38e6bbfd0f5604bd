"""What commands need and servers never do: Alembic and the commands themselves, read when they are asked for."""

from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from minispod.kernel.database import db


class Commands(AppGroup):
    """The commands of an application; ours are read when the first is asked for."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name)
        self._app = app
        self._are_read = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all."""
        self._read()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; None when there is none of that name."""
        self._read()
        return super().get_command(ctx, cmd_name)

    def _read(self) -> None:
        if not self._are_read:
            from minispod import cli

            self._are_read = True
            cli.init_app(self._app)
            bring_migrations(self._app)


class Migrations:
    """Stands among the extensions where Flask-Migrate comes as soon as more than `directory` is asked for."""

    def __init__(self, app: Flask, directory: Path) -> None:
        self._app = app
        self.directory = str(directory)
        app.extensions["migrate"] = self

    def __getattr__(self, name: str) -> Any:
        bring_migrations(self._app)
        return getattr(self._app.extensions["migrate"], name)


def bring_migrations(app: Flask) -> None:
    """Put Flask-Migrate where it is stood for, and `flask db` among the commands."""
    from flask_migrate import Migrate

    Migrate(app, db, directory=app.extensions["migrate"].directory)
