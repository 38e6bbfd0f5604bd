"""The statements that the program sends to the database, as a test counts and explains them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def asked(beginning: str = "SELECT") -> Iterator[list[tuple[str, Any]]]:
    """The statements that begin so and are sent meanwhile, with their values: questions, or all for an empty text."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: Any) -> None:
        if statement.lstrip().upper().startswith(beginning):
            seen.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def touched(statement: str) -> list[str]:
    """What a message does to which tables, in its order."""
    parts = re.findall(r"INSERT INTO (\w+)|^UPDATE (\w+)|^SELECT .*?FROM (\w+)", statement, re.DOTALL)
    found = ["".join(part) for part in parts]
    return ["wallets", *found] if statement.startswith("WITH moved AS \n(UPDATE wallets ") else found
