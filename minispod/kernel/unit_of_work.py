"""The only begin, commit and rollback of the program.

`with unit_of_work(courier):` is written in doors only; one per request, two per claim-carry-settle.
Adapters call `refuse_inside_unit_of_work()`, so that talking to the outside cannot slip into a
transaction. After the commit the outbox is handed over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from minispod.kernel import outbox
from minispod.kernel.database import db, session

_open: ContextVar[bool] = ContextVar("unit_of_work_open", default=False)


class UnitOfWorkMisuse(RuntimeError):
    """The program itself is wrong: nested units of work, or an outside call inside one."""


@contextmanager
def unit_of_work(courier: outbox.Courier | None = None) -> Iterator[None]:
    """Commit what happens inside, or nothing of it; then hand the outbox to `courier`."""
    if _open.get():
        raise UnitOfWorkMisuse("a unit of work is open already")
    token = _open.set(True)
    try:
        try:
            yield
            session().commit()
        except BaseException:
            session().rollback()
            outbox.forget_pending()
            raise
    finally:
        _open.reset(token)
    if courier is not None:
        outbox.dispatch(courier)


def refuse_inside_unit_of_work() -> None:
    """Raise UnitOfWorkMisuse when a unit of work is open; called by every adapter before it talks."""
    if _open.get():
        raise UnitOfWorkMisuse("the outside world must not be asked inside a unit of work")


def release_connection() -> None:
    """Give the database connection back before a long wait; loaded objects stay readable."""
    if _open.get():
        raise UnitOfWorkMisuse("a unit of work is open")
    db.session.remove()
