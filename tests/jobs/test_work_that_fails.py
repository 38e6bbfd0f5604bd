"""Work that fails: what counts as failing, how long it waits, and that a sweep does not make it impatient."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from minispod.jobs import runner
from minispod.jobs.registry import HANDLERS
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop

TASK = Task.CREDIT_ARRIVED
Handler = Callable[[Work], timedelta | None]


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """Let one function do the task from now on; everything around it is real."""
    return lambda function: monkeypatch.setitem(HANDLERS, TASK, function)


@pytest.fixture
def world(app: Flask) -> Iterator[None]:
    """A context that forgets the session at the end."""
    with app.app_context():
        yield
        db.session.remove()


def _ask(clock: FrozenClock) -> None:
    with unit_of_work():
        outbox.later(TASK, key="one", at=clock.now(), user_id=str(uuid.uuid4()))


def _row() -> OutboxRow:
    session().expire_all()
    return session().scalars(select(OutboxRow)).one()


def _crash(work: Work) -> None:
    raise ValueError("a bug")


def _not_there_yet(work: Work) -> timedelta:
    return timedelta(seconds=2)


def test_patience_is_not_counted_as_failing(
    world: None,
    handle: Callable[[Handler], None],
    ports: PortsNow,
    settings: Settings,
    clock: FrozenClock,
) -> None:
    _ask(clock)
    handle(_not_there_yet)
    for _ in range(20):
        assert runner.run_all(ports=ports, settings=settings) == 1
        clock.advance(seconds=2)

    handle(_crash)
    runner.run_all(ports=ports, settings=settings)

    assert _row().run_after - clock.now() == timedelta(seconds=2), "the first failure waits shortly"


def test_a_failure_that_is_over_is_forgotten(
    world: None,
    handle: Callable[[Handler], None],
    ports: PortsNow,
    settings: Settings,
    clock: FrozenClock,
) -> None:
    _ask(clock)
    handle(_crash)
    for _ in range(5):
        assert runner.run_all(ports=ports, settings=settings) == 1
        clock.set(_row().run_after)

    handle(_not_there_yet)
    assert runner.run_all(ports=ports, settings=settings) == 1

    row = _row()
    assert (row.attempts, row.last_error) == (0, None)


def test_a_read_that_broke_the_connection_does_not_keep_the_row(
    world: None,
    handle: Callable[[Handler], None],
    ports: PortsNow,
    settings: Settings,
    clock: FrozenClock,
) -> None:
    def broken_read(work: Work) -> None:
        session().execute(text("SELECT 1 / 0"))

    _ask(clock)
    handle(broken_read)

    assert runner.run_all(ports=ports, settings=settings) == 1

    row = _row()
    assert (row.leased_until, row.last_error) == (None, "DataError")


def test_a_sweep_that_finds_it_undone_does_not_cut_its_pause(
    world: None,
    handle: Callable[[Handler], None],
    ports: PortsNow,
    settings: Settings,
    clock: FrozenClock,
) -> None:
    _ask(clock)
    handle(_crash)
    for _ in range(6):
        runner.run_all(ports=ports, settings=settings)
        clock.set(_row().run_after)
    runner.run_all(ports=ports, settings=settings)
    before = _row()
    expected = (before.attempts, before.run_after, before.version)

    with unit_of_work():
        outbox.ensure(TASK, key="one", at=clock.now(), user_id="somebody")

    after = _row()
    assert (after.attempts, after.run_after, after.version) == expected


def test_a_sweep_asks_for_what_nobody_does(world: None, clock: FrozenClock) -> None:
    with unit_of_work():
        outbox.ensure(TASK, key="one", at=clock.now(), user_id="somebody")

    row = _row()
    assert (row.key, row.run_after, row.args) == ("one", clock.now(), {"user_id": "somebody"})


def test_work_of_a_newer_version_is_left_to_it(
    world: None,
    handle: Callable[[Handler], None],
    ports: PortsNow,
    settings: Settings,
    clock: FrozenClock,
) -> None:
    done = []
    handle(lambda work: done.append(work.lease.key))
    _ask(clock)
    with unit_of_work():
        outbox.later(TASK, key="from the future", at=clock.now() - timedelta(seconds=1))
        session().execute(text("UPDATE outbox SET task = 'fly' WHERE key = 'from the future'"))

    assert runner.run_all(ports=ports, settings=settings) == 1

    assert done == ["one"]
    assert _row().task == "fly"


def test_a_calendar_that_crashes_is_not_run_every_half_minute(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    shop: Shop,
    clock: FrozenClock,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> None:
    shop.order(person(credit=50_000), plan_id())
    runs = []

    def crash(work: Work) -> None:
        runs.append(work.now())
        raise ValueError("a bug")

    monkeypatch.setitem(HANDLERS, Task.ADVANCE_SUBSCRIPTION, crash)
    clock.advance(days=40)
    for _ in range(2 * 60):
        tick("advance-calendar")
        run_jobs()
        clock.advance(seconds=30)

    assert len(runs) <= 20, "an hour of growing pauses"
