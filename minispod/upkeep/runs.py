"""Write down how a periodic job went. Each in a unit of work of its own: the run itself may have died in one."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from minispod.kernel.database import session
from minispod.upkeep.models import PeriodicRun

_LONGEST = 300


def note_began(name: str, at: datetime) -> None:
    """A run begins; of two that overlap the later one is kept."""
    row = insert(PeriodicRun).values(name=name, began_at=at, ended_at=None, error=None)
    session().execute(
        row.on_conflict_do_update(
            index_elements=["name"], set_={"began_at": at, "ended_at": None, "error": None}
        )
    )


def note_ended(name: str, began_at: datetime, at: datetime, error: str | None = None) -> None:
    """The run that began then is over; what a later run has written stays."""
    values = {"ended_at": at, "error": error[:_LONGEST] if error else None}
    session().execute(
        update(PeriodicRun)
        .where(PeriodicRun.name == name, PeriodicRun.began_at == began_at)
        .values(values if error else {**values, "succeeded_at": at})
        .execution_options(synchronize_session=False)
    )


def newest_runs() -> Mapping[str, PeriodicRun]:
    """The newest run of each periodic job that ever ran, by name."""
    rows = session().scalars(select(PeriodicRun).execution_options(populate_existing=True))
    return {row.name: row for row in rows}
