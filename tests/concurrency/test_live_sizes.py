"""Notes of live sizes are right whoever changes what at the same moment: each of two sees what the other did."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.kernel.database import db
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions import live_sizes
from tests.concurrency.waiting import holding, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

# By hand and out of order (adr/0005); the watcher of locks looks at how a statement begins.
_GROWS = "/* by hand */ UPDATE instances SET cpu_milli = 3000, memory_mb = 3072"
_ENDS = "UPDATE subscriptions SET status = 'CANCELLED'"
_REVIVES = "UPDATE subscriptions SET status = 'ACTIVE'"

_ONE_NOTE = "INSERT INTO live_sizes (cpu_milli, memory_mb, instances) VALUES (1000, 1024, 1)"


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """The only subscription."""
    return shop.order(customer, plan_id())


def _noted(app: Flask) -> dict[tuple[int, int], int]:
    with app.app_context():
        return {(cpu, memory): count for cpu, memory, count in live_sizes.read().of_each if count}


def _writes(app: Flask, statement: str) -> Callable[[], Any]:
    def write() -> None:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text(statement))

    return write


@pytest.mark.parametrize(
    ("before", "first", "second", "left"),
    [
        (_REVIVES, _ENDS, _GROWS, {}),
        (_REVIVES, _GROWS, _ENDS, {}),
        (_ENDS, _REVIVES, _GROWS, {(3000, 3072): 1}),
        (_ENDS, _GROWS, _REVIVES, {(3000, 3072): 1}),
    ],
)
def test_a_size_and_a_turn_at_the_same_moment(
    app: Flask, mine: uuid.UUID, before: str, first: str, second: str, left: dict[tuple[int, int], int]
) -> None:
    _writes(app, before)()

    with holding(app, first) as holder:
        statement = waits_with(app, holder, _writes(app, second))

    assert statement
    assert _noted(app) == left


def test_a_count_waits_for_nobody_and_keeps_what_is_noted_meanwhile(app: Flask, mine: uuid.UUID) -> None:
    with holding(app, _GROWS) as holder:
        with app.app_context(), unit_of_work():
            live_sizes.recount()
        assert _noted(app) == {(1000, 1024): 1}
        holder.commit()

    assert _noted(app) == {(3000, 3072): 1}


def test_of_two_who_count_the_second_sees_what_the_first_wrote(app: Flask, mine: uuid.UUID) -> None:
    def recount() -> None:
        with app.app_context(), unit_of_work():
            live_sizes.recount()

    with holding(app, "SELECT pg_advisory_xact_lock(:key)", key=live_sizes._ROOM_LOCK) as holder:
        holder.execute(text("WITH gone AS (DELETE FROM live_sizes) " + _ONE_NOTE))
        statement = waits_with(app, holder, recount)

    assert "pg_advisory_xact_lock" in statement
    assert _noted(app) == {(1000, 1024): 1}
