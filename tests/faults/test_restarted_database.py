"""The database goes away under a running shop and comes back: honest refusals, nothing half done, all caught up."""

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from minispod.kernel.tasks import Task
from minispod.local.postgres import start_postgres
from tests.factories.payments import Levers
from tests.faults.conftest import Restartable
from tests.faults.shop import CREDIT, Customer, LiveShop
from tests.plugins import databases
from tests.plugins.app import SERVER_KEY
from tests.plugins.simulators import Simulator

TOPUP = 100_000
# Long enough for the ticks of a worker, and the sign of life of the scheduler, to fail.
OUTAGE_SECONDS = 5.5
LEASE_SECONDS = Task.RECONCILE_INSTANCE.nature.lease_seconds


@pytest.fixture(scope="module")
def own_postgres(open_directory: Path) -> Iterator[Restartable]:
    """A PostgreSQL of this file's own, migrated."""
    server = Restartable(lambda: start_postgres(open_directory / "postgres", durable=False))
    databases.migrate(server.url)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_database_url(own_postgres: Restartable) -> str:
    """The database of the shop in this file."""
    return own_postgres.url


def test_the_shop_survives_a_restart_of_its_database(
    shop: LiveShop, own_postgres: Restartable, midtrans_simulator: Simulator
) -> None:
    status, missing = shop.readiness()
    assert (status, missing["worker"]) == (503, "No worker has shown a sign of life lately.")
    worker = shop.backstage.worker()
    shop.eventually(lambda: shop.readiness() == (200, {}), "all is well")
    caught_at_work, late = shop.customer(), shop.customer()
    crowd = [shop.customer() for _ in range(4)]
    payer = Payer(shop.customer(credit=0), Levers(midtrans_simulator))
    desk = shop.desk()
    shop.lever("delay", seconds=0.4)
    caught_at_work.order()
    shop.eventually(caught_at_work.has_namespace, "the worker has begun")

    with ThreadPoolExecutor(len(crowd)) as pool:
        answers = [pool.submit(keep_ordering, customer) for customer in crowd]
        own_postgres.stop()

    assert {status for answer in answers for status in answer.result()} <= {201, 409, 503}
    assert_it_says_so(shop, late, desk)
    assert payer.pays_and_the_gateway_tells() == 503
    shop.lever("clear")  # the worker comes back from the cluster and finds no database
    time.sleep(OUTAGE_SECONDS)

    own_postgres.start()

    shop.eventually(lambda: shop.readiness() == (200, {}), "all is well again")
    assert worker.poll() is None, "the same worker goes on"
    assert (late.status(), late.balance) == (None, CREDIT), "what was refused was not done"
    late.order()
    for customer, answer in zip(crowd, answers, strict=True):
        if 201 in answer.result():
            assert customer.charges() == 1, "what was promised is kept"
    shop.books.let_pass(LEASE_SECONDS)
    shop.books.change("UPDATE topups SET next_poll_at = now()")
    shop.tick("poll-topups")
    served = [caught_at_work, late, *(each for each in crowd if each.charges())]
    for customer in served:
        customer.awaits("RUNNING")
    for customer in served:
        customer.assert_served_once()
    shop.eventually(lambda: payer.customer.balance == TOPUP, "the payment arrives")
    assert payer.customer.mails("topup_receipt") <= 1
    shop.books.assert_they_add_up()


def keep_ordering(customer: Customer) -> list[int]:
    """Order until the shop is gone; the statuses of the answers."""
    statuses: list[int] = []
    while 503 not in statuses and len(statuses) < 200:
        statuses.append(customer.try_order().status_code)
    return statuses


def assert_it_says_so(shop: LiveShop, customer: Customer, desk: requests.Session) -> None:
    """While the database is away, every door says that and when to come again."""
    status, missing = shop.readiness()
    assert (status, set(missing)) == (503, {"database", "migrations", "worker", "scheduler"})
    assert shop.answers(), "the process itself lives"
    for answer in (customer.try_order(), customer.call("GET", "/subscriptions")):
        body = answer.json()
        assert (answer.status_code, body["code"], body["success"]) == (503, "unavailable", False)
        assert body["requestId"]
        assert int(answer.headers["Retry-After"]) > 0
    page = desk.get(f"{shop.url}/admin/", timeout=20)
    assert page.status_code == 503
    assert "<h1>Not available at the moment</h1>" in page.text


class Payer:
    """A customer with an open top-up at the gateway."""

    def __init__(self, customer: Customer, levers: Levers) -> None:
        self.customer, self._levers = customer, levers
        answer = customer.call("POST", "/wallet/topup", {"amount": TOPUP, "paymentMethod": "QRIS"})
        assert answer.status_code == 201, answer.text
        self._token = answer.json()["data"]["transaction"]["snapToken"]
        self._order_id = customer.shop.books.one(
            "SELECT order_id FROM topups WHERE user_id = :id", id=customer.id
        )

    def pays_and_the_gateway_tells(self) -> int:
        """Pay; the gateway's notification is answered with this status."""
        transaction_id = self._levers.choose(self._token)
        self._levers.event(transaction_id, "pay")
        amount = f"{TOPUP}.00"
        signed = hashlib.sha512(f"{self._order_id}200{amount}{SERVER_KEY}".encode()).hexdigest()
        notice = {
            "order_id": self._order_id,
            "transaction_id": transaction_id,
            "status_code": "200",
            "gross_amount": amount,
            "transaction_status": "settlement",
            "payment_type": "qris",
            "signature_key": signed,
        }
        url = f"{self.customer.shop.url}/api/v1/wallet/webhook/midtrans"
        headers = {"Content-Type": "application/json"}
        return requests.post(url, json.dumps(notice), headers=headers, timeout=20).status_code
