"""Run one periodic job, and write down how it went: for the clock's tick and for administrators who ask for one."""

from contextlib import suppress
from datetime import timedelta

from flask import current_app

from minispod.jobs.work import PeriodicJob, Work
from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings
from minispod.upkeep import runs


def run(job: PeriodicJob, ports: Ports, settings: Settings) -> None:
    """Run it now; what it raises goes on to the caller, after it was noted."""
    began_at = ports.clock.now()
    with unit_of_work():
        runs.note_began(job.name, began_at)
    release_connection()
    try:
        job.run(ports, settings)
    except Exception as trouble:
        release_connection()
        error = trouble.message if isinstance(trouble, Unavailable) else type(trouble).__name__
        with suppress(Unavailable), unit_of_work():
            runs.note_ended(job.name, began_at, ports.clock.now(), error)
        raise
    release_connection()
    with unit_of_work():
        runs.note_ended(job.name, began_at, ports.clock.now())


def run_out_of_turn(work: Work) -> timedelta | None:
    """Run the periodic job an administrator asked for; one that is not in the timetable any more is left."""
    timetable = current_app.extensions["minispod.timetable"]()
    job = next((each for each in timetable if each.name == work.lease.args["name"]), None)
    if job is not None:
        run(job, work.ports, work.settings)
    return None
