"""Statements that PostgreSQL plans once for each connection: for the few that are asked all the time (docs/adr/0049).

What has to be joined and sorted takes longer to plan than to run. A statement keeps one name everywhere, made of its
text: whoever finds that name on a connection, also on one that a pooler hands round, has found this statement.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from psycopg2.errors import DuplicatePreparedStatement, FeatureNotSupported, InvalidSqlStatementName
from sqlalchemy import ARRAY, any_, bindparam
from sqlalchemy.sql import ColumnElement, Executable

PREPARED = "prepared"
"""The execution option of a statement that is to be planned once."""
_STANDING = "minispod.prepared"

Statement = TypeVar("Statement", bound=Executable)


def prepared(statement: Statement) -> Statement:
    """The statement, to be planned once for each connection on which it is read alone.

    Its text must not depend on the values, and their types must follow from where they stand: `balance * :share` would
    take a share for a whole number.
    """
    return statement.execution_options(**{PREPARED: True})


def among(column: Any, name: str) -> ColumnElement[bool]:
    """The column is one of the values of the list `name`: one text, however many there are."""
    return column == any_(bindparam(name, type_=ARRAY(column.type)))  # type: ignore[no-any-return]


def execute(cursor: Any, before: str, statement: str, values: dict[str, Any], info: dict[Any, Any]) -> None:
    """Run `before` and the statement in one message; `info` remembers what this connection has planned.

    For a connection outside of a transaction: where PostgreSQL does not know the plan, or may not use it any more
    because a table has changed, the statement is sent again as it is.
    """
    name, prepare, run = _words(statement, tuple(values))
    standing: dict[str, bool] = info.setdefault(_STANDING, {})
    if standing.get(name, True):
        try:
            cursor.execute(f"{before}; {run if name in standing else prepare + run}", values)
        except InvalidSqlStatementName:  # a pooler gave us another connection of the server
            standing.pop(name, None)
        except DuplicatePreparedStatement:  # the same, and somebody prepared it there
            standing[name] = True
        except FeatureNotSupported:
            # What it finds is not of the kinds it was planned for. On this connection it is left alone.
            standing[name] = False
        else:
            standing[name] = True
            return
    cursor.execute(f"{before}; {statement}", values)


@lru_cache(maxsize=256)
def _words(statement: str, names: tuple[str, ...]) -> tuple[str, str, str]:
    """A statement's name on the server, what prepares it and what runs it, for the driver to put the values in."""
    numbered = statement % {each: f"${number}" for number, each in enumerate(names, 1)}
    # Of the numbered text: the same words with their values in another order are another plan.
    name = f"minispod_{sha256(numbered.encode()).hexdigest()[:40]}"
    given = ", ".join(f"%({each})s" for each in names)
    prepare = f"PREPARE {name} AS {numbered}; ".replace("%", "%%")
    return name, prepare, f"EXECUTE {name}" + (f"({given})" if given else "")
