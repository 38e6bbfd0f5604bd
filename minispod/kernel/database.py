"""The database handle, the declarative base and the column types that keep promises.

Models inherit `Base`; `db` owns engine and session. Naive times are refused, enums are text with a
CHECK, money is BIGINT. Only the unit of work commits.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, cast

from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CompoundSelect,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    Table,
    Uuid,
    any_,
    bindparam,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import ColumnElement, Executable, Select
from sqlalchemy.types import TypeDecorator

from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.prepared import PREPARED
from minispod.kernel.prepared import execute as execute_prepared
from minispod.kernel.questions import Message, Question, alone, announce
from minispod.kernel.together import Together

# What a database raises that is away or too busy to answer: the same may be tried again.
DATABASE_SILENCE = (OperationalError, InterfaceError, PoolExhausted)
# PostgreSQL's words when it changes a row others refer to, at the moment in which another change of it is being
# undone: it has seen that change as undone, but not yet its transaction as ended. XX000, because it did not expect it.
_STUMBLED = "new multixact has more than one updating member"


def has_stumbled(error: InternalError) -> bool:
    """Tell whether PostgreSQL met another transaction just as that ended; the same may be tried again."""
    return _STUMBLED in str(error.orig)


class UtcTime(TypeDecorator[datetime]):
    """An aware instant, stored as timestamptz, always handed out in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: they mean something else on every machine."""
        if value is not None and value.tzinfo is None:
            raise ValueError("naive time refused: pass an aware datetime")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand out UTC whatever the session's time zone is."""
        return value.astimezone(UTC) if value is not None else None


def enum_column(enum: type[StrEnum], length: int = 32) -> Enum:
    """A column type that stores the member's value as text and lets the database check it."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=length,
        name=_snake(enum.__name__),
        values_callable=_values,
    )


def _values(enum: type[StrEnum]) -> list[str]:
    return [member.value for member in enum]


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Base(DeclarativeBase):
    """The base of every model."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime(),
        Rupiah: BigInteger(),
        uuid.UUID: Uuid(as_uuid=True),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class Identified:
    """A model with a time-ordered id."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)


BOUNDS = "SET LOCAL lock_timeout = '15s'; SET LOCAL statement_timeout = '30s'"
"""How long a transaction may wait; another text in the execution option `bounds` of a connection wins."""
_ALONE = f"SET LOCAL transaction_read_only = on; {BOUNDS}"
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
_STANDS_ALONE = "stands_alone"
_READER, _ASKING, _PREPARES = "minispod.reader", "minispod.asking", "minispod.prepares"
_is_reading: ContextVar[bool] = ContextVar("reads_alone", default=False)


class _Session(FlaskSession):
    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        """The engine on which each statement stands alone, while nothing but reading is done."""
        return _reader() if _is_reading.get() else super().get_bind(*args, **kwargs)


db = SQLAlchemy(metadata=Base.metadata, session_options={"class_": _Session, "expire_on_commit": False})


def session() -> Session:
    """The session of the running request or job."""
    return db.session()


def bound_transactions(engine: Engine) -> None:
    """Let no statement wait for ever. Set in each transaction, because a pooler shares sessions between clients."""

    @event.listens_for(engine, "begin")
    def bound(connection: Connection) -> None:
        options = connection.get_execution_options()
        if _STANDS_ALONE not in options:
            connection.exec_driver_sql(options.get("bounds", BOUNDS))


def read_alone(app: Flask, *, prepares: bool) -> None:
    """Give the application an engine on which each statement stands alone: it cannot write, and is one message.

    The bounds go with each. A transaction of reads would be begun, bounded and rolled back, a message each, and would
    promise nothing more: every statement of it sees what is committed when it begins. The connections are of one pool.
    With `prepares`, statements that are `prepared` are planned once for each connection.
    """
    engine = db.engine
    app.extensions[_ASKING] = {}
    app.extensions[_PREPARES] = prepares
    app.extensions[_READER] = reader = engine.execution_options(**{_STANDS_ALONE: True})

    # The driver's switch is flipped by hand: what SQLAlchemy calls AUTOCOMMIT costs a message there and one back.
    @event.listens_for(reader, "begin")
    def part(connection: Connection) -> None:
        cast("Any", connection.connection.dbapi_connection).autocommit = True

    @event.listens_for(engine, "checkin")
    def join(connection: Any, _: ConnectionPoolEntry) -> None:
        if connection is not None and not connection.closed and connection.autocommit:
            connection.autocommit = False

    @event.listens_for(engine, "do_execute")
    def bounded(cursor: Any, statement: str, values: Any, context: ExecutionContext | None) -> bool:
        if context is None or _STANDS_ALONE not in context.execution_options:
            return False
        if prepares and PREPARED in context.execution_options:
            execute_prepared(cursor, _ALONE, statement, values, context.root_connection.info)
        else:
            cursor.execute(f"{_ALONE}; {statement}", values)
        return True

    @event.listens_for(engine, "do_executemany")
    def each_bounded(cursor: Any, statement: str, rows: Any, context: ExecutionContext | None) -> bool:
        return all(bounded(cursor, statement, values, context) for values in rows)


def _reader() -> Engine:
    reader: Engine = current_app.extensions[_READER]
    return reader


def begin_reading() -> None:
    """Let the session read alone until `end_reading`: a request begins that writes in units of work at most."""
    _is_reading.set(True)


def end_reading() -> None:
    """The session's statements are of one transaction again."""
    _is_reading.set(False)


@contextmanager
def writing() -> Iterator[None]:
    """Let the session's statements be one transaction meanwhile, also where it reads alone before and after."""
    was_reading = _is_reading.get()
    if was_reading:
        session().commit()  # gives the reader's connection back; nothing was written
        end_reading()
    try:
        yield
    finally:
        _is_reading.set(was_reading)


def ask(question: str) -> Any:
    """The one value that a SELECT of one value finds, read alone; it has to depend on rows, and on nothing else.

    All who ask at once are answered together. It takes a connection of its own: it is asked before the session holds
    one, or requests wait for one another.
    """
    asking: dict[str, Together] = current_app.extensions[_ASKING]
    together = asking.get(question) or asking.setdefault(question, Together())
    return together.ask(partial(_answer, _reader(), question))


def _answer(reader: Engine, question: str) -> Any:
    """Nothing has changed while the same snapshot is given out: what was answered under it is not asked again."""
    with alone(reader) as (cursor, connection):
        announce(reader, connection, cursor, _SNAPSHOT, None)
        cursor.execute(_SNAPSHOT)
        snapshot = cursor.fetchone()[0]
        known = connection.info.get(question)
        if known is None or known[0] != snapshot:
            announce(reader, connection, cursor, with_snapshot := f"{_SNAPSHOT}, ({question})", None)
            cursor.execute(f"{_ALONE}; {with_snapshot}")
            known = connection.info[question] = cursor.fetchone()
        return known[1]


def lock(model: type[Any], key: Any) -> Any | None:
    """Load one row locked, seeing what others committed while we waited for it.

    The key is not locked: rows that merely refer to this one can be written meanwhile.
    """
    return session().get(model, key, with_for_update={"key_share": True}, populate_existing=True)


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that pass the session's objects by."""
    return cast("Table", model.__table__)


def run(statement: Executable, values: dict[str, Any]) -> CursorResult[Any]:
    """Run a statement made beforehand on tables: a quarter of what the session needs for the same row.

    For rows that are written all the time. Objects of the session are neither written before nor read anew after it.
    """
    return session().connection().execute(statement, values)


def find(question: Question, values: dict[str, Any]) -> Sequence[Any]:
    """The rows that a question finds, named as its columns are; objects of the session are not written before.

    Inside of a transaction it is a statement of it. While nothing but reading is done it goes past the session, unless
    the session holds a connection already: a second one beside it, and requests would wait for one another.
    """
    holds_one = db.session.registry.has() and session().in_transaction()
    if _is_reading.get() and not holds_one:
        return question.find(_reader(), _ALONE, values, prepares=current_app.extensions[_PREPARES])
    return session().connection().execute(question.statement, values).all()


def send(message: Message, values: dict[str, Any]) -> Sequence[Any]:
    """The rows that answer a message of this transaction; objects of the session are not written before."""
    return message.send(session().connection(), values)


def page_of(
    statement: Select[*tuple[Any, ...]], wanted: PageRequest, *, shape: Callable[[Any], Any] | None = None
) -> Page[Any]:
    """Run `statement` for one page and count the whole; rows of one column come as that column."""
    total = session().scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    rows = session().execute(statement.limit(wanted.limit).offset(wanted.offset)).unique().all()
    items = [row[0] if len(row) == 1 else row for row in rows]
    if shape is not None:
        items = [shape(item) for item in items]
    return Page(items, total, wanted.page, wanted.limit)


def first_of(
    statement: Select[*tuple[Any, ...]], limit: int, *, shape: Callable[[Any], Any] | None = None
) -> Page[Any]:
    """The first rows and how many there are in all, in one statement: for what is few, however much there was.

    Rows of one column come as that column.
    """
    rows = session().execute(statement.add_columns(func.count().over()).limit(limit)).all()
    found = [row[0] if len(row) == 2 else row[:-1] for row in rows]
    items = found if shape is None else [shape(each) for each in found]
    return Page(items, int(rows[0][-1]) if rows else 0, 1, limit)


def counted(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The statement made ready for `counted_page`: one that finds a page and, with each row, how many there are in all.

    For what is found and sorted whole anyway; where an index ends the search early, counting apart is cheaper.
    """
    limit, offset = (bindparam(name, type_=Integer()) for name in ("limit", "offset"))
    return statement.add_columns(func.count().over().label("in_all")).limit(limit).offset(offset)


def counted_page(
    asked: Select[*tuple[Any, ...]] | Question, values: dict[str, Any], wanted: PageRequest
) -> Page[Any]:
    """Run what `counted` made for one page; rows come whole, the number last."""
    span = {"limit": wanted.limit, "offset": wanted.offset}
    if isinstance(asked, Question):
        rows, statement = find(asked, values | span), asked.statement
    else:
        rows, statement = run(asked, values | span).all(), asked
    if rows:
        total = rows[0][-1]
    elif wanted.offset:  # behind the last there is no row that tells
        every = statement.limit(None).offset(None).order_by(None).subquery()
        total = run(select(func.count()).select_from(every), values).scalar_one()
    else:
        total = 0
    return Page(rows, total, wanted.page, wanted.limit)


def searched_page(statement: Select[Any], wanted: PageRequest) -> Page[Any]:
    """The same for one column that costs much to find: it is looked for once, and counted beside the rows.

    Beyond the end of what is found there is no row to count beside, and it is counted by itself.
    """
    rows = (
        session()
        .execute(statement.add_columns(func.count().over()).limit(wanted.limit).offset(wanted.offset))
        .all()
    )
    if not rows and wanted.offset:
        return page_of(statement, wanted)
    return Page([row[0] for row in rows], int(rows[0][1]) if rows else 0, wanted.page, wanted.limit)


def is_found_by(column: Any, search: CompoundSelect[Any]) -> ColumnElement[bool]:
    """The column is among what `search` finds, which is looked for first and then fetched by index.

    Of a search in parts of words the planner expects far too much: for IN it would read the whole table beside it.
    """
    return column == any_(func.array(search.scalar_subquery(), type_=ARRAY(column.type)))  # type: ignore[no-any-return]
