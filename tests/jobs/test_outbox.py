"""The outbox and the runner: nothing accepted is lost, nothing is done twice at once."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.jobs import runner
from minispod.jobs.registry import HANDLERS
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.errors import RuleBroken, Unavailable
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Queue, Task
from minispod.kernel.unit_of_work import UnitOfWorkMisuse, refuse_inside_unit_of_work, unit_of_work
from minispod.settings import Settings
from tests.plugins.app import PortsNow

TASK = Task.CREDIT_ARRIVED


class Recorder:
    """A handler that does what the test says and remembers that it ran."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.act: Callable[[Work], timedelta | None] = lambda work: None

    def __call__(self, work: Work) -> timedelta | None:
        self.runs.append(work.lease.key)
        return self.act(work)


class Basket:
    """A courier that keeps what it was given, or refuses."""

    def __init__(self) -> None:
        self.rows: list[uuid.UUID] = []
        self.silent = False

    def deliver(self, rows: Mapping[uuid.UUID, Queue]) -> None:
        """Keep the rows."""
        if self.silent:
            raise Unavailable()
        self.rows += rows


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Stands in for one job function; everything around it is real."""
    recorder = Recorder()
    monkeypatch.setitem(HANDLERS, TASK, recorder)
    return recorder


@pytest.fixture
def basket(ports: PortsNow) -> Basket:
    """The courier of this test."""
    courier = Basket()
    ports.change(courier=courier)
    return courier


@pytest.fixture
def world(app: Flask) -> Iterator[None]:
    """A context that forgets the session at the end."""
    with app.app_context():
        yield
        db.session.remove()


def _ask(basket: Basket, clock: FrozenClock, key: str = "one", **more: Any) -> None:
    with unit_of_work(basket):
        outbox.later(TASK, key=key, at=clock.now(), user_id=key, **more)


def _rows() -> list[OutboxRow]:
    session().expire_all()
    return list(session().scalars(select(OutboxRow)))


def test_work_is_handed_over_after_the_commit_and_gone_when_done(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    _ask(basket, clock)
    [row_id] = basket.rows

    assert runner.run_row(row_id, ports=ports, settings=settings)

    assert handler.runs == ["one"]
    assert _rows() == []
    assert not runner.run_row(row_id, ports=ports, settings=settings)
    assert handler.runs == ["one"]


def test_a_rolled_back_wish_never_was(world: None, basket: Basket, clock: FrozenClock) -> None:
    def ask_and_fail() -> None:
        with unit_of_work(basket):
            outbox.later(TASK, key="one", at=clock.now())
            raise RuleBroken

    with pytest.raises(RuleBroken):
        ask_and_fail()

    assert basket.rows == []
    assert _rows() == []


def test_asking_twice_is_one_piece_of_work(
    world: None, handler: Recorder, basket: Basket, clock: FrozenClock
) -> None:
    _ask(basket, clock)
    _ask(basket, clock)

    assert len(set(basket.rows)) == 1
    assert len(_rows()) == 1


def test_asking_while_it_runs_runs_it_once_more(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    _ask(basket, clock)

    def ask_again(work: Work) -> None:
        if len(handler.runs) == 1:
            _ask(basket, clock)

    handler.act = ask_again  # type: ignore[assignment]
    runner.run_row(basket.rows[0], ports=ports, settings=settings)
    assert len(_rows()) == 1

    runner.run_all(ports=ports, settings=settings)

    assert handler.runs == ["one", "one"]
    assert _rows() == []


def test_a_silent_queue_loses_nothing(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    basket.silent = True
    _ask(basket, clock)
    assert basket.rows == []

    basket.silent = False
    clock.advance(seconds=30)

    assert runner.sweep(ports=ports) == 1
    assert len(basket.rows) == 1


def test_what_a_flushed_queue_forgot_is_delivered_again(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, clock: FrozenClock
) -> None:
    _ask(basket, clock)
    basket.rows.clear()
    assert runner.sweep(ports=ports) == 1, "a row that was never marked is marked by the first sweep"
    assert runner.sweep(ports=ports) == 0, "it is given time to arrive"

    clock.advance(seconds=30)

    assert runner.sweep(ports=ports) == 1


def test_a_killed_worker_leaves_its_work_to_the_next(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    _ask(basket, clock)
    with unit_of_work():
        lease = outbox.take(basket.rows[0], clock.now())
    assert lease is not None

    assert not runner.run_row(basket.rows[0], ports=ports, settings=settings), "the lease still runs"
    clock.advance(seconds=TASK.nature.lease_seconds + 1)

    assert runner.run_all(ports=ports, settings=settings) == 1
    assert handler.runs == ["one"]


def test_a_worker_that_was_overtaken_neither_ends_nor_holds_what_another_has(
    world: None, basket: Basket, clock: FrozenClock
) -> None:
    _ask(basket, clock)
    leases = []
    for _ in range(2):
        with unit_of_work():
            leases.append(outbox.take(basket.rows[0], clock.now()))
        clock.advance(seconds=TASK.nature.lease_seconds + 1)
    slow, quick = filter(None, leases)

    with unit_of_work():
        held = [outbox.extend(each, clock.now()) for each in (slow, quick)]
        outbox.postpone(slow, clock.now(), timedelta(hours=1), "too late")
        outbox.finish(slow, clock.now())

    [row] = _rows()
    assert (held, row.last_error) == ([False, True], None)
    assert row.leased_until == clock.now() + timedelta(seconds=TASK.nature.lease_seconds)
    with unit_of_work():
        outbox.finish(quick, clock.now())
    assert _rows() == []


def test_silence_outside_postpones_with_growing_pauses(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    def silent(work: Work) -> None:
        raise Unavailable("The other side is silent.")

    handler.act = silent  # type: ignore[assignment]
    _ask(basket, clock)
    pauses = []
    for _ in range(4):
        assert runner.run_all(ports=ports, settings=settings) == 1
        [row] = _rows()
        pauses.append((row.run_after - clock.now()).total_seconds())
        clock.set(row.run_after)

    assert pauses == [2, 4, 8, 16]
    assert _rows()[0].last_error == "The other side is silent."


def test_a_refusal_ends_the_work(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    def refuse(work: Work) -> None:
        raise RuleBroken

    handler.act = refuse  # type: ignore[assignment]
    _ask(basket, clock)

    runner.run_all(ports=ports, settings=settings)

    assert _rows() == []


def test_a_crash_is_tried_again_and_its_work_kept(
    world: None, handler: Recorder, basket: Basket, ports: PortsNow, settings: Settings, clock: FrozenClock
) -> None:
    def crash(work: Work) -> None:
        raise ValueError("a bug")

    handler.act = crash  # type: ignore[assignment]
    _ask(basket, clock)

    runner.run_all(ports=ports, settings=settings)

    [row] = _rows()
    assert (row.last_error, row.attempts) == ("ValueError", 1)
    assert row.run_after > clock.now()


def test_two_workers_with_one_row_run_it_once(
    app: Flask,
    handler: Recorder,
    basket: Basket,
    ports: PortsNow,
    settings: Settings,
    clock: FrozenClock,
    at_once: Callable[..., list[Any]],
) -> None:
    with app.app_context():
        _ask(basket, clock)

    def work(index: int) -> bool:
        with app.app_context():
            return runner.run_row(basket.rows[0], ports=ports, settings=settings)

    results = at_once(8, work)

    assert sorted(results) == [False] * 7 + [True]
    assert handler.runs == ["one"]


def test_units_of_work_do_not_nest_and_the_outside_is_not_asked_inside(world: None) -> None:
    with pytest.raises(UnitOfWorkMisuse), unit_of_work(), unit_of_work():
        pass
    with pytest.raises(UnitOfWorkMisuse), unit_of_work():
        refuse_inside_unit_of_work()
    refuse_inside_unit_of_work()
