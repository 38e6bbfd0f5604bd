"""Entry of the background processes: `python -m minispod.worker worker|scheduler`.

The worker takes row ids from RQ and runs the rows; the scheduler is rq-scheduler, used only as a
clock that ticks the periodic jobs of jobs/schedule.py. Both outlive a Redis or a database that goes
away for a while, and end on SIGTERM only.
"""

import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from types import FrameType

import redis
import rq
import structlog
from flask import Flask
from rq.exceptions import StopRequested
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from rq.worker import SimpleWorker
from rq_scheduler import Scheduler

from minispod.app import create_app
from minispod.integrations.redis_queue import blocking_connection, connection
from minispod.jobs import runner
from minispod.jobs.periodic import run as run_periodic
from minispod.jobs.schedule import find, schedule
from minispod.kernel import pulse
from minispod.kernel.errors import TimeIsUp, Unavailable
from minispod.kernel.tasks import Queue
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.settings import BadSettings

log = structlog.get_logger()

_TICK_PREFIX = "tick-"
_PAUSE_SECONDS = 1.0
# A Redis that has become silent is noticed within this time.
_WORKER_SECONDS = 60

_leaving = threading.Event()


class _JobTimeIsUp(TimeIsUp, JobTimeoutException):
    """RQ's time limit, by a name that jobs know."""


class _Limit(UnixSignalDeathPenalty):
    """RQ's alarm."""

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Break the job off."""
        raise _JobTimeIsUp(f"more than {self._timeout} seconds")


class _Worker(SimpleWorker):
    """RQ's worker, soon back when Redis is, and deaf to RQ's commands over Redis: signals stop it."""

    death_penalty_class = _Limit
    max_connection_wait_time = 2.0

    def subscribe(self) -> None:
        """Listen to nobody."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the running job, then end."""
        _leaving.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


class _Clock(Scheduler):  # type: ignore[misc]
    """rq-scheduler, which can be stopped while Redis is away."""

    def _install_signal_handlers(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)


def _leave(signum: int, frame: FrameType | None) -> None:
    _leaving.set()
    raise SystemExit(0)


@lru_cache(maxsize=1)
def _app() -> Flask:
    return create_app()


def run_row(row_id: str) -> None:
    """Run one outbox row; what RQ calls."""
    with _app().app_context(), _through_silence():
        runner.run_row(uuid.UUID(row_id), ports=current_ports(), settings=current_settings())


def tick(name: str) -> None:
    """Run one periodic job; what RQ calls when the clock ticks."""
    with _app().app_context(), _through_silence():
        ports, settings = current_ports(), current_settings()
        periodic = find(name, settings)
        if periodic is None:
            log.warning("schedule.unknown", name=name)
            return
        with structlog.contextvars.bound_contextvars(task=name):
            run_periodic(periodic, ports, settings)
        release_connection()


@contextmanager
def _through_silence() -> Iterator[None]:
    """A database or Redis that is away is no fault of the job: the outbox has its row, and the clock ticks again."""
    try:
        yield
    except Unavailable as silence:
        log.warning("worker.silence", code=silence.code)


def work(queues: list[str]) -> None:
    """Work on the given queues, or on all of them in the order of their urgency, until asked to stop."""
    url = _app().extensions["minispod.settings"].redis.redis_url
    names = queues or [queue.value for queue in Queue]
    with suppress(StopRequested):
        while not _leaving.is_set():
            try:
                _work_once(url, names)
            except redis.RedisError as trouble:
                log.warning("worker.queue_silent", error=type(trouble).__name__)
            _leaving.wait(_PAUSE_SECONDS)


def _work_once(url: str, names: list[str]) -> None:
    """Work until asked to stop, or until Redis goes away in the middle of a job."""
    taken_from = blocking_connection(url)
    queues = [rq.Queue(name, connection=taken_from) for name in names]
    worker = _Worker(queues, connection=taken_from, worker_ttl=_WORKER_SECONDS)
    worker.work(logging_level="WARNING", with_scheduler=False)


def run_clock() -> None:
    """Keep every periodic job registered under a fixed id, and tick until stopped."""
    app = _app()
    url = app.extensions["minispod.settings"].redis.redis_url
    threading.Thread(target=_keep_registered, args=(app, _clock(url)), daemon=True).start()
    while not _leaving.is_set():
        try:
            _clock(url).run()
        except redis.RedisError as trouble:
            log.warning("scheduler.queue_silent", error=type(trouble).__name__)
            time.sleep(_PAUSE_SECONDS)


def _clock(url: str) -> _Clock:
    return _Clock(Queue.SWEEPS.value, connection=connection(url), interval=1)


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
