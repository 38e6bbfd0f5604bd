"""Entry of the background processes: `python -m minispod.worker worker|scheduler`.

The worker takes row ids from RQ and runs the rows; the scheduler is rq-scheduler, used only as a
clock that ticks the periodic jobs of jobs/schedule.py.
"""

import sys
import threading
import uuid
from datetime import timedelta
from functools import lru_cache

import rq
import structlog
from flask import Flask
from rq.worker import SimpleWorker
from rq_scheduler import Scheduler

from minispod.app import create_app
from minispod.integrations.redis_queue import blocking_connection
from minispod.jobs import runner
from minispod.jobs.schedule import find, schedule
from minispod.kernel import pulse
from minispod.kernel.tasks import Queue
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.settings import BadSettings

log = structlog.get_logger()

_TICK_PREFIX = "tick-"


@lru_cache(maxsize=1)
def _app() -> Flask:
    return create_app()


def run_row(row_id: str) -> None:
    """Run one outbox row; what RQ calls."""
    with _app().app_context():
        runner.run_row(uuid.UUID(row_id), ports=current_ports(), settings=current_settings())


def tick(name: str) -> None:
    """Run one periodic job; what RQ calls when the clock ticks."""
    with _app().app_context():
        ports, settings = current_ports(), current_settings()
        periodic = find(name, settings)
        if periodic is None:
            log.warning("schedule.unknown", name=name)
            return
        with structlog.contextvars.bound_contextvars(task=name):
            periodic.run(ports, settings)
        release_connection()


def work(queues: list[str]) -> None:
    """Work on the given queues, or on all of them in the order of their urgency."""
    app = _app()
    names = queues or [queue.value for queue in Queue]
    connection = blocking_connection(app.extensions["minispod.settings"].redis.redis_url)
    worker = SimpleWorker([rq.Queue(name, connection=connection) for name in names], connection=connection)
    worker.work(logging_level="WARNING", with_scheduler=False)


def run_clock() -> None:
    """Register every periodic job under a fixed id and tick until stopped."""
    app = _app()
    settings = app.extensions["minispod.settings"]
    connection = blocking_connection(settings.redis.redis_url)
    clock = Scheduler(Queue.SWEEPS.value, connection=connection, interval=1)
    with app.app_context():
        _register(clock)
    threading.Thread(target=_keep_registered, args=(app, clock), daemon=True).start()
    clock.run()


def _register(clock: Scheduler) -> None:
    ports, settings = current_ports(), current_settings()
    wanted = {f"{_TICK_PREFIX}{each.name}": each for each in schedule(settings)}
    known = {job.id: job.meta.get("interval") for job in clock.get_jobs()}
    kept = {job_id for job_id, each in wanted.items() if known.get(job_id) == each.seconds}
    for stale in set(known) - kept:
        clock.cancel(stale)
    for job_id in set(wanted) - kept:
        each = wanted[job_id]
        # result_ttl=-1: a job hash that expires would silently leave the schedule.
        clock.schedule(
            ports.clock.now().replace(tzinfo=None) + timedelta(seconds=min(2, each.seconds)),
            tick,
            args=[each.name],
            interval=each.seconds,
            repeat=None,
            id=job_id,
            result_ttl=-1,
            timeout=110,
        )


def _keep_registered(app: Flask, clock: Scheduler) -> None:
    """Put ticks back that a flushed Redis lost, and show that the clock lives."""
    pause = threading.Event()
    while True:
        try:
            with app.app_context():
                _register(clock)
                with unit_of_work():
                    pulse.beat("scheduler", current_ports().clock.now())
                release_connection()
        except Exception as trouble:  # noqa: BLE001 - database or Redis is away: the next round will tell
            log.warning("scheduler.trouble", error=type(trouble).__name__)
        pause.wait(5)


def main(arguments: list[str]) -> int:
    """Start the process named first; queue names may follow "worker"."""
    try:
        if arguments[:1] == ["worker"]:
            work(arguments[1:])
        elif arguments == ["scheduler"]:
            run_clock()
        else:
            sys.stderr.write("usage: python -m minispod.worker worker [QUEUE ...] | scheduler\n")
            return 2
    except BadSettings as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    # RQ imports this module by its name; run under that name, so that there is one application.
    from minispod import worker  # noqa: PLW0406

    sys.exit(worker.main(sys.argv[1:]))
