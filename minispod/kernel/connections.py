"""What is done with each connection of the pool: whether it still stands, and how it makes ids."""

from time import monotonic
from typing import Any

from psycopg2.extensions import new_type, register_type
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from minispod.kernel.ids import known_id

_SURELY_STANDS_SECONDS = 1.0
_OF_IDS = (2950,)  # PostgreSQL's number of the type uuid
_IDS = new_type(_OF_IDS, "UUID", lambda text, _: None if text is None else known_id(text))


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


def know_ids(engine: Engine) -> None:
    """Let the driver make the ids that come again and again only once."""

    @event.listens_for(engine, "connect")
    def register(connection: Any, _: ConnectionPoolEntry) -> None:
        register_type(_IDS, connection)
