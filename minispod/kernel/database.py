"""The database handle, the declarative base and the column types that keep promises.

Models inherit `Base`; `db` owns engine and session. Naive times are refused, enums are text with a
CHECK, money is BIGINT. Only the unit of work commits.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Any, ClassVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Enum,
    MetaData,
    Table,
    Uuid,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, InternalError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import Executable, Select
from sqlalchemy.types import TypeDecorator

from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.paging import Page, PageRequest

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
_SURELY_STANDS_SECONDS = 1.0

db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False})


def session() -> Session:
    """The session of the running request or job."""
    return db.session()


def bound_transactions(engine: Engine) -> None:
    """Let no statement wait for ever. Set in each transaction, because a pooler shares sessions between clients."""

    @event.listens_for(engine, "begin")
    def bound(connection: Connection) -> None:
        beneath = cast("Any", connection.connection.dbapi_connection)
        if not beneath.autocommit:  # one statement alone brings its own (`ask`)
            connection.exec_driver_sql(connection.get_execution_options().get("bounds", BOUNDS))


def look_before_use(engine: Engine) -> None:
    """Ask a pooled connection whether it still stands before it is used, unless it was used a moment ago.

    A busy process would pay for that question with every request; a restart of the database takes longer. To have
    been opened is use too: a new one that is refused as well is not tried for another, its statement says what is.
    """

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def note(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        if monotonic() - record.info.get("used_at", 0.0) > _SURELY_STANDS_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error:
                raise InvalidatePoolError from None


def ask(question: str) -> Any:
    """The one value that a small SELECT finds, outside of the session's transaction: a single message to the database.

    The bounds of a transaction go with it. For what is asked all the time and answers alone.
    """
    with db.engine.connect() as connection:
        beneath = cast("Any", connection.connection.dbapi_connection)
        beneath.autocommit = True
        try:
            return connection.exec_driver_sql(f"{BOUNDS}; {question}").scalar_one()
        finally:
            if not beneath.closed:  # one that broke refuses this too, in words that nobody translates
                beneath.autocommit = False


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
