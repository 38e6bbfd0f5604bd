"""Rows that are written by themselves, or several in one message: for acts that write the same few all the time.

What the session does to write an object costs as much again as the statement: it looks through all it holds, sorts it
and reads back. Where whoever makes a row knows that all it refers to is written, nothing is to be sorted. And where
nobody waits for what the database says to a row, the next one need not wait either (docs/adr/0053).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Table, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from minispod.kernel.database import Base, run, session, table_of
from minispod.kernel.ids import new_id

_Row = tuple[Table, dict[str, Any]]
_held: ContextVar[list[_Row] | None] = ContextVar("rows_held", default=None)


@contextmanager
def in_one_message() -> Iterator[None]:
    """Rows that `insert_now` and `insert_values` write meanwhile go in one message at the end, in their order.

    Until then nothing can find them, nor refer to them. Inside of another one they wait for the end of that; inside of
    a savepoint nothing waits.
    """
    if _held.get() is not None:
        yield
        return
    held: list[_Row] = []
    token = _held.set(held)
    try:
        yield
    finally:
        _held.reset(token)
    if held:
        shape = tuple((table, tuple(values)) for table, values in held)
        named = {_place(n, name): held[n][1][name] for n, (_, names) in enumerate(shape) for name in names}
        run(_message(shape), named)


def insert_now(row: Base) -> None:
    """Write a new object's row; the session has it from then on as if it had been loaded.

    What it refers to is written already. Raises IntegrityError, which ends the transaction.
    """
    insert_values(table_of(type(row)), _values(row))
    _adopt(row)


def insert_values(table: Table, values: dict[str, Any]) -> None:
    """The same for a row that is no object, by the names of its columns."""
    held = _held.get()
    # What a savepoint takes back must not wait for its end.
    if held is None or session().in_nested_transaction():
        run(_plain(table), values)
    else:
        held.append((table, values))


def insert_unless_taken(row: Base) -> bool:
    """Write a new object's row at once, unless another row has one of its keys, whoever was first; False then.

    Waits for whoever is writing such a row at this moment. The transaction goes on.
    """
    if not run(_unless_taken(table_of(type(row))), _values(row)).rowcount:
        return False
    _adopt(row)
    return True


@cache
def _plain(table: Table) -> Insert:
    return insert(table)


@cache
def _unless_taken(table: Table) -> Insert:
    return _plain(table).on_conflict_do_nothing()


@lru_cache(maxsize=256)
def _message(shape: tuple[tuple[Table, tuple[str, ...]], ...]) -> TextClause:
    """The statements that write rows of these tables with these columns."""
    statements, values = [], []
    for n, (table, names) in enumerate(shape):
        places = [_place(n, name) for name in names]
        values += [
            bindparam(place, type_=table.c[name].type) for place, name in zip(places, names, strict=True)
        ]
        columns = ", ".join(f'"{name}"' for name in names)
        given = ", ".join(f":{place}" for place in places)
        statements.append(f"INSERT INTO {table.name} ({columns}) VALUES ({given})")  # noqa: S608 - our own names
    return text(";\n".join(statements)).bindparams(*values)


def _place(n: int, name: str) -> str:
    return f"row{n}_{name}"


@cache
def _blank(model: type[Base]) -> dict[str, Any]:
    """What the columns of a new row hold that nobody has set; ids are made anew each time."""
    blank: dict[str, Any] = {}
    for column in table_of(model).columns:
        default = column.default
        blank[column.key] = default.arg if isinstance(default, ScalarElementColumnDefault) else None
        if column.server_default is not None and blank[column.key] is None:
            raise TypeError(f"only the database knows what {column} will be")
        if default is not None and blank[column.key] is None and column.key != "id":
            raise TypeError(f"what {column} will be is made anew for each row")
    return blank


def _values(row: Base) -> dict[str, Any]:
    """What is to be written; the object is filled up with what it was not given."""
    has = vars(row)
    blank = _blank(type(row))
    for name, value in blank.items():
        if has.get(name) is None:
            has[name] = new_id() if name == "id" else value
    # What is None is left out: of a JSON column it would be the word, not the absence of a value.
    return {name: has[name] for name in blank if has[name] is not None}


def _adopt(row: Base) -> None:
    make_transient_to_detached(row)
    session().add(row)
