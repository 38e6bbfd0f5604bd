"""The jobs page: how each periodic job went, one asked for out of turn, and failed work tried again."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.jobs import alerts, periodic
from minispod.jobs.schedule import Periodic
from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Unavailable
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import Ports, current_ports, current_settings
from minispod.settings import Settings
from minispod.upkeep import runs
from minispod.upkeep.models import PeriodicRun
from tests.admin.conftest import Browser
from tests.factories.statements import asked

WORK = "/admin/work"
RUN = "/admin/work/watch-alerts/run"


def run_of(app: Flask, name: str) -> PeriodicRun:
    with app.app_context():
        found = runs.newest_runs()[name]
        session().expunge_all()
        return found


def rows(app: Flask) -> list[OutboxRow]:
    with app.app_context():
        wanted = select(OutboxRow).where(OutboxRow.task.in_((Task.RUN_PERIODIC, Task.POST_ALERTS)))
        found = list(session().scalars(wanted))
        session().expunge_all()
        return found


def booked(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        wanted = select(AuditEntry.action, AuditEntry.subject_id).where(AuditEntry.subject_kind == "job")
        return [(action, subject) for action, subject in session().execute(wanted)]


def go(app: Flask, job: Callable[[Ports, Settings], None]) -> None:
    with app.app_context():
        periodic.run(Periodic("watch-alerts", job, 30, "a test"), current_ports(), current_settings())


def test_a_run_is_written_down(app: Flask, clock: FrozenClock) -> None:
    began = clock.now()

    go(app, lambda ports, settings: _spend(clock))

    run = run_of(app, "watch-alerts")
    assert (run.began_at, run.ended_at, run.error) == (began, began + timedelta(seconds=4), None)
    assert run.succeeded_at == run.ended_at


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Unavailable("The mail server does not answer."), "The mail server does not answer."),
        (ValueError("secret"), "ValueError"),
    ],
)
def test_a_run_that_fails_says_so_and_when_it_last_went_well(
    app: Flask, clock: FrozenClock, browser: Browser, trouble: Exception, told: str
) -> None:
    go(app, lambda ports, settings: None)
    went_well = clock.now()
    clock.advance(seconds=30)

    def fail(ports: Ports, settings: Settings) -> None:
        raise trouble

    with pytest.raises(type(trouble)):
        go(app, fail)

    run = run_of(app, "watch-alerts")
    assert (run.error, run.succeeded_at) == (told, went_well)
    text = browser.shown(WORK)
    assert told in text
    assert "secret" not in text


def test_an_earlier_run_does_not_end_a_later_one(app: Flask, clock: FrozenClock) -> None:
    first, second = clock.now(), clock.now() + timedelta(seconds=30)
    with app.app_context():
        for began in (first, second):
            with unit_of_work():
                runs.note_began("watch-alerts", began)
        with unit_of_work():
            runs.note_ended("watch-alerts", first, second)

    run = run_of(app, "watch-alerts")
    assert (run.began_at, run.ended_at) == (second, None)


def test_run_now_goes_through_the_queue_and_twice_is_once(
    browser: Browser, app: Flask, run_jobs: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(alerts, "watch_alerts", lambda ports, settings: calls.append(1))
    browser.shown(WORK)

    assert browser.post(RUN, WORK).location == WORK
    assert "on the queue" in browser.shown(WORK)
    browser.post(RUN, WORK)

    assert calls == []  # never in the request
    assert [(row.task, row.key) for row in rows(app)] == [("run_periodic", "watch-alerts")]
    assert booked(app) == [("job.asked_for", "watch-alerts")]
    run_jobs()
    assert calls == [1]
    assert rows(app) == []
    text = browser.shown(WORK)
    assert 'aria-label="Run watch-alerts"' in text
    assert run_of(app, "watch-alerts").succeeded_at is not None


def test_a_job_that_is_not_in_the_timetable(browser: Browser, app: Flask) -> None:
    browser.shown(WORK)

    assert browser.post("/admin/work/nonsense/run", WORK).status_code == 404
    assert rows(app) == []


def test_failed_work_is_tried_now(browser: Browser, app: Flask, clock: FrozenClock) -> None:
    with app.app_context():
        with unit_of_work():
            outbox.later(Task.POST_ALERTS, key="alerts", at=clock.now())
        row_id = session().scalars(select(OutboxRow.id).where(OutboxRow.task == Task.POST_ALERTS)).one()
        with unit_of_work():
            lease = outbox.take(row_id, clock.now())
        assert lease is not None
        with unit_of_work():
            outbox.postpone(lease, clock.now(), timedelta(hours=1), "The webhook does not answer.")
    assert "The webhook does not answer." in browser.shown(WORK)

    browser.post(f"/admin/work/rows/{row_id}/retry", WORK)

    [row] = rows(app)
    assert (row.run_after, row.attempts) == (clock.now(), 0)
    assert booked(app) == [("work.retried", "post_alerts")]
    with app.app_context(), unit_of_work():
        outbox.take(row_id, clock.now())
    browser.post(f"/admin/work/rows/{row_id}/retry", WORK)
    assert "A worker is at it." in browser.shown(WORK)
    assert len(booked(app)) == 1
    assert browser.post(f"/admin/work/rows/{uuid.uuid4()}/retry", WORK).status_code == 404


def test_the_page_asks_as_much_however_many_ran(browser: Browser, app: Flask, clock: FrozenClock) -> None:
    browser.shown(WORK)
    with asked() as before:
        browser.shown(WORK)
    with app.app_context(), unit_of_work():
        for name in ("remind", "clean-up", "poll-nodes", "heartbeat"):
            runs.note_began(name, clock.now())
            runs.note_ended(name, clock.now(), clock.now())

    with asked() as after:
        browser.shown(WORK)

    assert len(after) == len(before)


def _spend(clock: FrozenClock) -> None:
    clock.advance(seconds=4)
