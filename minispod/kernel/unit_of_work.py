"""The only begin, commit and rollback of the program.

`with unit_of_work(courier):` is written in doors only; one per request, two per claim-carry-settle.
Adapters call `refuse_inside_unit_of_work()`, so that talking to the outside cannot slip into a
transaction. After the commit the outbox is handed over. A database that is away is Unavailable, like
any other party that does not answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from sqlalchemy.exc import InternalError

from minispod.kernel import outbox
from minispod.kernel.database import DATABASE_SILENCE, db, has_stumbled, session, writing
from minispod.kernel.errors import Refusal, Unavailable
from minispod.kernel.faultpoints import Step, around

log = structlog.get_logger()

_open: ContextVar[bool] = ContextVar("unit_of_work_open", default=False)
_refused: ContextVar[type[Refusal] | None] = ContextVar("unit_of_work_refused", default=None)


class UnitOfWorkMisuse(RuntimeError):
    """The program itself is wrong: nested units of work, or an outside call inside one."""


@contextmanager
def unit_of_work(courier: outbox.Courier | None = None, step: Step | None = None) -> Iterator[None]:
    """Commit what happens inside, or nothing of it; then hand the outbox to `courier`.

    `step` names the commit of a money path (kernel/faultpoints). Raises what `refuse_writes` said, and Unavailable
    when the database does not answer.
    """
    if _open.get():
        raise UnitOfWorkMisuse("a unit of work is open already")
    if (refusal := _refused.get()) is not None:
        raise refusal()
    token = _open.set(True)
    try:
        with writing():
            try:
                yield
                with around(step):
                    session().commit()
            except BaseException:
                session().rollback()
                outbox.forget_pending()
                raise
    except DATABASE_SILENCE as silence:
        raise database_unavailable(silence) from silence
    except InternalError as error:
        if has_stumbled(error):
            raise database_unavailable(error) from error
        raise
    finally:
        _open.reset(token)
    if courier is not None:
        outbox.dispatch(courier)


def refuse_writes(refusal: type[Refusal]) -> None:
    """Raise `refusal` wherever this request would begin to write; `allow_writes` ends it."""
    _refused.set(refusal)


def allow_writes() -> None:
    """Let what comes next write again."""
    _refused.set(None)


def database_unavailable(silence: Exception) -> Unavailable:
    """The refusal for a database that is away or too busy; logged, because customers cannot be served."""
    cause = getattr(silence, "orig", None) or silence
    log.error("database.silent", error=type(cause).__name__)
    return Unavailable()


def is_open() -> bool:
    """Tell whether a unit of work is open."""
    return _open.get()


def refuse_inside_unit_of_work() -> None:
    """Raise UnitOfWorkMisuse when a unit of work is open; called by every adapter before it talks."""
    if _open.get():
        raise UnitOfWorkMisuse("the outside world must not be asked inside a unit of work")


def release_connection() -> None:
    """Give the database connection back before a long wait; loaded objects stay readable."""
    if _open.get():
        raise UnitOfWorkMisuse("a unit of work is open")
    db.session.remove()
