"""Questions that are asked all the time: SELECTs made once, which go past the session (docs/adr/0052).

For one row SQLAlchemy's session, connection and result take several times what the driver takes. Its types still turn
values and columns into what they are for it, and its pool still keeps the connections.
"""

from collections import namedtuple
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import ClauseElement, ColumnElement, Connection, Dialect, Engine, Select, or_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from minispod.kernel import prepared


@contextmanager
def alone(reader: Engine) -> Iterator[tuple[Any, PoolProxiedConnection]]:
    """A cursor of the driver on which each statement stands alone, and the pooled connection that it is of.

    Raises what a connection of SQLAlchemy raises; one that is lost is not used again.
    """
    dialect, connection, driver = reader.dialect, None, None
    errors = dialect.loaded_dbapi.Error
    try:
        connection = reader.raw_connection()
        driver = cast("Any", connection.driver_connection)
        driver.autocommit = True
        with driver.cursor() as cursor:
            yield cursor, connection
    except errors as error:
        lost = connection is not None and dialect.is_disconnect(error, driver, None)
        if connection is not None and lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, errors, True, connection_invalidated=lost, dialect=dialect
        ) from error
    finally:
        if connection is not None:
            connection.close()


def one_of(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """The column is one of a few values that are known when the program starts."""
    return or_(*(column == value for value in values))


def announce(
    reader: Engine, connection: PoolProxiedConnection, cursor: Any, statement: str, values: Any
) -> None:
    """Tell whoever listens for the statements of the engine of one that goes past it."""
    for hear in reader.dispatch.before_cursor_execute:
        hear(connection, cursor, statement, values, None, False)


class Question:
    """A SELECT, made once; its values are given by the names of its parameters, its columns have names of their own.

    What `prepared` asks of a statement is asked of this one too. A value that stands in it is part of its text, so
    that PostgreSQL plans for it: one of several is told by `one_of`, `in_` is refused.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.statement = prepared.prepared(statement)
        self._made: _Made | None = None

    def find(self, reader: Engine, before: str, values: dict[str, Any], *, prepares: bool) -> Sequence[Any]:
        """Its rows, asked behind `before` in one message."""
        if self._made is None:
            self._made = _Made([self.statement], reader.dialect)
        made = self._made
        with alone(reader) as (cursor, connection):
            given = made.given(values)
            announce(reader, connection, cursor, made.text, given)
            if prepares:
                prepared.execute(cursor, before, made.text, given, connection.info)
            else:
                cursor.execute(f"{before}; {made.text}", given)
            return made.rows(cursor)


class Message:
    """Statements of a transaction that are sent together, made once; the rows that the last one finds are the answer.

    For locks that many wait for: nothing of ours happens between the first and the last. Each statement sees what was
    committed when it began. Values and columns are as those of a `Question`.
    """

    def __init__(self, *before: ClauseElement, answer: Select[*tuple[Any, ...]]) -> None:
        self._statements = (*before, answer)
        self._made: _Made | None = None

    def send(self, connection: Connection, values: dict[str, Any]) -> Sequence[Any]:
        """The rows of the answer."""
        if self._made is None:
            self._made = _Made(self._statements, connection.dialect)
        made = self._made
        found = connection.exec_driver_sql(made.text, made.given(values))
        try:
            return made.rows(found.cursor)
        finally:
            found.close()


class _Made:
    """The text of statements, and what their values and the last one's columns go through; for one kind of database."""

    def __init__(self, statements: Sequence[ClauseElement], dialect: Dialect) -> None:
        self._dialect = dialect
        self._columns = list(cast("Select[*tuple[Any, ...]]", statements[-1]).selected_columns)
        self._row: Any = namedtuple("Row", [each.key for each in self._columns])  # type: ignore[misc]
        self._taken: list[tuple[int, Any]] | None = None
        self._given: dict[str, Any] = {}
        self.text = ";\n".join(self._written(each) for each in statements)

    def _written(self, statement: ClauseElement) -> str:
        made: Any = statement.compile(dialect=self._dialect)
        texts = {}
        for name, each in made.binds.items():
            if each.expanding:
                raise TypeError(f"{name} is one of several values: ask with one_of, or among a list")
            kind = each.type.dialect_impl(self._dialect)
            if each.required:
                self._given[name] = kind.bind_processor(self._dialect)
                texts[name] = f"%({name})s"
            else:
                write: Any = kind.literal_processor(self._dialect)
                texts[name] = write(each.value)
        return str(made).replace("%%", "%%%%") % texts

    def given(self, values: dict[str, Any]) -> dict[str, Any]:
        given = self._given.items()
        return {name: values[name] if give is None else give(values[name]) for name, give in given}

    def rows(self, cursor: Any) -> list[Any]:
        if self._taken is None:
            kinds = [each.type.dialect_impl(self._dialect) for each in self._columns]
            codes = [each.type_code for each in cursor.description]
            takers = [
                kind.result_processor(self._dialect, code) for kind, code in zip(kinds, codes, strict=True)
            ]
            self._taken = [(place, take) for place, take in enumerate(takers) if take is not None]
        rows = []
        for found in cursor.fetchall():
            row = list(found)
            for place, take in self._taken:
                row[place] = take(row[place])
            rows.append(self._row._make(row))
        return rows
