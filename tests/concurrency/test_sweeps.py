"""Sweeps that ask for the same work at once take its rows in one order, and leave workers what they take."""

import uuid
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow, Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import snapshots
from tests.concurrency.waiting import holding, waits_with
from tests.plugins.app import Person

PUT = text(
    "INSERT INTO outbox (id, task, key, args, created_at, run_after, version, attempts, leases)"
    " VALUES (gen_random_uuid(), :task, :key, '{}', :at, :at, 1, 0, 0)"
)


def test_two_sweeps_that_found_the_same_in_another_order_do_not_lock_each_other_out(
    app: Flask, clock: FrozenClock
) -> None:
    task = Task.POLL_TOPUP
    values = {"task": task.value, "at": clock.now()}

    def second() -> None:
        with app.app_context(), unit_of_work():
            outbox.ensure_each(task, {"b": {}, "a": {}}, at=clock.now())

    with holding(app, PUT.text, key="a", **values) as first:
        waited = waits_with(app, first, second, meanwhile=lambda: first.execute(PUT, {**values, "key": "b"}))

    assert waited.startswith("INSERT INTO outbox")


@pytest.fixture
def row_id(app: Flask, clock: FrozenClock) -> uuid.UUID:
    """A piece of work that is due."""
    with app.app_context():
        with unit_of_work():
            outbox.later(Task.POLL_TOPUP, key="a", at=clock.now())
        return session().scalars(select(OutboxRow.id)).one()


def test_a_sweep_passes_over_what_a_worker_is_just_taking(
    app: Flask, clock: FrozenClock, row_id: uuid.UUID
) -> None:
    found: list[object] = []

    def sweep() -> None:
        with app.app_context(), unit_of_work():
            found.extend(outbox.due(clock.now()))

    with holding(app, "SELECT 1 FROM outbox WHERE id = :id FOR UPDATE", id=row_id) as worker:
        waited = waits_with(app, worker, sweep)

    assert (waited, found) == ("", [])


def test_what_a_worker_has_just_taken_is_not_hurried(
    app: Flask, clock: FrozenClock, row_id: uuid.UUID
) -> None:
    found: list[outbox.Hurried | None] = []
    taken = "UPDATE outbox SET leased_until = :until, attempts = 1, leases = 1 WHERE id = :id"

    def hurry() -> None:
        with app.app_context(), unit_of_work():
            found.append(outbox.hurry(row_id, clock.now()))

    with holding(app, taken, id=row_id, until=clock.now() + timedelta(minutes=5)) as worker:
        waits_with(app, worker, hurry)

    assert found == [outbox.Hurried(Task.POLL_TOPUP.value, "a", 1, None, is_hurried=False)]
    with app.app_context():
        assert session().get_one(OutboxRow, row_id).attempts == 1


def test_a_day_that_two_close_at_once_is_closed_once(
    app: Flask, customer: Person, clock: FrozenClock
) -> None:
    written: list[int] = []
    closed = (
        "INSERT INTO wallet_snapshots (user_id, day, balance, position, entry_id, taken_at)"
        " SELECT user_id, :day, balance_after, position, id, :at FROM ledger_entries WHERE user_id = :owner"
    )
    day, until = clock.now().date(), clock.now() + timedelta(days=1)

    def close() -> None:
        with app.app_context(), unit_of_work():
            written.append(snapshots.take(day, until=until, after=None, limit=500, at=until).written)

    with holding(app, closed, day=day, at=until, owner=customer.id) as first:
        waited = waits_with(app, first, close)

    assert waited.startswith("INSERT INTO wallet_snapshots")
    assert written == [0]
