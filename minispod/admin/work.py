"""Jobs: who works, what waits and failed, and what runs by the clock. The queues themselves are on the RQ dashboard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import current_app

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.wording import span
from minispod.insights import workload
from minispod.kernel.ids import parse_id
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.upkeep import asking, runs
from minispod.upkeep.models import PeriodicRun

# A run that has not ended by then was killed: no job may take as long (worker.py).
_KILLED_AFTER = timedelta(minutes=3)


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


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One line of the timetable: the job, how it last went, and when it is next due."""

    name: str
    reason: str
    every: str
    run: PeriodicRun | None
    state: str
    next_at: datetime | None


@door.get("/work")
def work() -> Any:
    """Show signs of life, waiting work and the timetable."""
    at = current_ports().clock.now()
    newest = runs.newest_runs()
    return pages.live_fragment(
        "admin/work/page.html",
        "admin/work/_live.html",
        signs=workload.signs_of_life(),
        silent={name for name, _ in workload.silent_processes(at)},
        waiting=workload.waiting_work(),
        timetable=[_scheduled(each, newest.get(each.name), at) for each in _timetable()],
        asked_for=workload.keys_of(Task.RUN_PERIODIC),
        at=at,
    )


@door.post("/work/<name>/run")
def run_job(name: str) -> Any:
    """Have a periodic job run now, through the queue; asked twice it runs once."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        is_new = asking.ask_for_run(
            name, known={each.name for each in _timetable()}, actor=guard.actor(), at=ports.clock.now()
        )
    said = f"{name} is on the queue." if is_new else f"{name} is on the queue already."
    return pages.told(said, pages.way_back("panel.work"))


@door.post("/work/rows/<row_id>/retry")
def retry_work(row_id: str) -> Any:
    """Have failed work tried now instead of later."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        is_hurried = asking.retry(parse_id(row_id), actor=guard.actor(), at=ports.clock.now())
    said = "It is on the queue." if is_hurried else "A worker is at it."
    return pages.told(said, pages.way_back("panel.work"))


def _timetable() -> Sequence[Timetable]:
    timetable: Callable[[], Sequence[Timetable]] = current_app.extensions["minispod.timetable"]
    return timetable()


def _scheduled(job: Timetable, run: PeriodicRun | None, at: datetime) -> Scheduled:
    pause = timedelta(seconds=job.seconds)
    next_at = run.began_at + pause if run is not None else None
    return Scheduled(job.name, job.reason, span(pause), run, _state(run, at), next_at)


def _state(run: PeriodicRun | None, at: datetime) -> str:
    if run is None:
        return "NEVER_RUN"
    if run.ended_at is None:
        return "UNDER_WAY" if at - run.began_at < _KILLED_AFTER else "KILLED"
    return "FAILED" if run.error else "DONE"
