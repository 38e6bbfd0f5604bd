"""Jobs: who works, what waits, and what runs by the clock. The queues themselves are on the RQ dashboard."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from flask import current_app

from minispod.admin import pages
from minispod.admin.door import door
from minispod.admin.wording import span
from minispod.insights import workload
from minispod.ports import current_ports


class Timetable(Protocol):
    """One periodic job, as the page shows it; handed in by whoever assembles, for doors do not know each other."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def seconds(self) -> int:
        """The pause between two runs."""
        ...

    @property
    def reason(self) -> str:
        """What it is for."""
        ...


@door.get("/work")
def work() -> Any:
    """Show signs of life, waiting work and the timetable."""
    at = current_ports().clock.now()
    timetable: Callable[[], Sequence[Timetable]] = current_app.extensions["minispod.timetable"]
    rows = [(each.name, span(timedelta(seconds=each.seconds)), each.reason) for each in timetable()]
    return pages.live_fragment(
        "admin/work/page.html",
        "admin/work/_live.html",
        signs=workload.signs_of_life(),
        silent={name for name, _ in workload.silent_processes(at)},
        waiting=workload.waiting_work(),
        timetable=rows,
        at=at,
    )
