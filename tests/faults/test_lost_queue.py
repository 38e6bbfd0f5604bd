"""Redis loses everything, goes away, falls silent: orders are taken, nothing is lost, nobody restarts anything."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.faults.conftest import Restartable
from tests.faults.shop import LiveShop

REDELIVERY_SECONDS = 20
# Those that come round so seldom that none of them is on its way just when somebody looks.
TICKS = {"tick-advance-calendar", "tick-poll-topups", "tick-poll-nodes", "tick-remind", "tick-clean-up"}
# What a customer may have to wait for an order while every call to Redis runs into its time limit.
PATIENCE_SECONDS = 8


def test_a_flushed_queue_is_filled_again(
    shop: LiveShop, own_redis: Restartable, request: pytest.FixtureRequest
) -> None:
    queue: redis.Redis = redis.Redis.from_url(own_redis.url)
    customers = [shop.customer() for _ in range(2)]
    for customer in customers:
        customer.order()
    # One of them as the sweep would have handed it over.
    shop.books.change(
        "UPDATE outbox SET handed_over_at = now() WHERE args ->> 'instance_id' ="
        " (SELECT id::text FROM instances WHERE user_id = :id)",
        id=customers[0].id,
    )
    shop.eventually(lambda: ticks(queue) >= TICKS, "the clock ticks")
    assert queue.llen("rq:queue:provisioning") == 2

    queue.flushall()

    request.getfixturevalue("standing_worker")
    shop.eventually(lambda: ticks(queue) >= TICKS, "the clock ticks again")
    customers[1].awaits("RUNNING")
    shop.books.let_pass(REDELIVERY_SECONDS)
    customers[0].awaits("RUNNING")
    for customer in customers:
        customer.assert_served_once()
        assert customer.mails("welcome") == 1


def ticks(queue: redis.Redis) -> set[str]:
    """What runs by the clock."""
    names: list[bytes] = queue.zrange("rq:scheduler:scheduled_jobs", 0, -1)  # type: ignore[assignment]
    return {name.decode() for name in names}


def test_orders_are_taken_while_redis_is_away(
    shop: LiveShop, own_redis: Restartable, standing_worker: subprocess.Popen[bytes]
) -> None:
    caught_at_work, ordered_meanwhile = shop.customer(), shop.customer()
    shop.eventually(lambda: shop.readiness() == (200, {}), "all is well")
    shop.lever("delay", seconds=0.3)
    caught_at_work.order()
    shop.eventually(caught_at_work.has_namespace, "the worker has begun")

    own_redis.stop()

    ordered_meanwhile.order()
    assert shop.readiness() == (503, {"redis": "Redis does not answer."})
    shop.lever("clear")
    caught_at_work.awaits("RUNNING")
    assert ordered_meanwhile.status() == "PENDING"

    own_redis.start()

    ordered_meanwhile.awaits("RUNNING")
    caught_at_work.assert_served_once()
    ordered_meanwhile.assert_served_once()
    shop.eventually(lambda: shop.readiness() == (200, {}), "all is well again")
    assert standing_worker.poll() is None, "the same worker goes on"


def test_orders_are_taken_while_redis_is_silent(
    shop: LiveShop, own_redis: Restartable, standing_worker: subprocess.Popen[bytes]
) -> None:
    customer = shop.customer()

    with frozen(own_redis.pid):
        began = time.monotonic()
        customer.order()
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert "redis" in shop.readiness()[1]

    customer.awaits("RUNNING")
    customer.assert_served_once()
    assert standing_worker.poll() is None, "the same worker goes on"


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that holds its connections and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
