"""Redis loses everything, goes away, falls silent: orders are taken, nothing is lost, nobody has to restart anything."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from minispod.jobs.schedule import schedule
from minispod.settings import Settings
from tests.faults.conftest import Restartable
from tests.faults.shop import LiveShop, eventually

REDELIVERY_SECONDS = 20
# What a customer may have to wait for an order while every call to Redis runs into its time limit.
PATIENCE_SECONDS = 15


def test_a_flushed_queue_is_filled_again(shop: LiveShop, own_redis: Restartable, settings: Settings) -> None:
    queue = redis.Redis.from_url(own_redis.url)
    customers = [shop.customer() for _ in range(2)]
    for customer in customers:
        customer.order()
    # One of them as the sweep would have handed it over.
    shop.books.change(
        "UPDATE outbox SET handed_over_at = now() WHERE args ->> 'instance_id' ="
        " (SELECT id::text FROM instances WHERE user_id = :id)",
        id=customers[0].id,
    )
    assert queue.llen("rq:queue:provisioning") == 2

    queue.flushall()

    shop.backstage.worker()
    eventually(
        lambda: queue.zcard("rq:scheduler:scheduled_jobs") >= len(schedule(settings)) - 1,
        "the clock ticks again",
        log=shop.backstage,
    )
    customers[1].awaits("RUNNING")
    shop.books.let_pass(REDELIVERY_SECONDS)
    customers[0].awaits("RUNNING")
    for customer in customers:
        customer.assert_served_once()
        assert customer.mails("welcome") == 1


def test_orders_are_taken_while_redis_is_away(shop: LiveShop, own_redis: Restartable) -> None:
    caught_at_work, ordered_meanwhile = shop.customer(), shop.customer()
    worker = shop.backstage.worker()
    eventually(lambda: shop.readiness() == (200, {}), "all is well", log=shop.backstage)
    shop.lever("delay", seconds=0.3)
    caught_at_work.order()
    eventually(caught_at_work.has_namespace, "the worker has begun", log=shop.backstage)

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
    eventually(lambda: shop.readiness() == (200, {}), "all is well again", log=shop.backstage)
    assert worker.poll() is None, "the same worker goes on"


def test_orders_are_taken_while_redis_is_silent(shop: LiveShop, own_redis: Restartable) -> None:
    customer = shop.customer()
    shop.backstage.worker()
    eventually(lambda: shop.readiness() == (200, {}), "all is well", log=shop.backstage)

    with frozen(own_redis.pid):
        began = time.monotonic()
        customer.order()
        assert time.monotonic() - began < PATIENCE_SECONDS
        assert shop.readiness()[0] == 503

    customer.awaits("RUNNING")
    customer.assert_served_once()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that holds its connections and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
