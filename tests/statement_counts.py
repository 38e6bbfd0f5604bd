"""Count the SQL statements of a piece of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from minispod.kernel.database import db


@contextmanager
def count_statements(app: Flask) -> Iterator[list[str]]:
    """The statements that were sent to the database within, in a list that grows."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
