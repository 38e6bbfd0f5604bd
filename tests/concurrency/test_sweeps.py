"""Sweeps that ask for the same work at once take its rows in one order."""

from flask import Flask
from sqlalchemy import text

from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.outbox import Task
from minispod.kernel.unit_of_work import unit_of_work
from tests.concurrency.waiting import holding, waits_with

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
