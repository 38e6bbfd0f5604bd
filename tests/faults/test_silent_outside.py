"""The cluster or the mail server does not answer for a while, or says no: what becomes of instances, money and mail."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from minispod.kernel.actor import Role
from tests.faults.shop import CREDIT, PRICE, Customer, LiveShop

CLUSTER_PAUSE = 15
MAIL_PAUSE = 60
READ_SECONDS = 2.0
LONG = 600


def test_mail_waits_for_its_server_and_goes_out_once(shop: LiveShop, request: pytest.FixtureRequest) -> None:
    shop.mail_lever(refuse={"times": 2, "code": 451})
    customer = shop.customer()
    no_server_there = shop.backstage.worker(SMTP_PORT="1")
    shop.eventually(partial(has_failed, customer, 1), "it was tried where nobody answers")
    shop.backstage.kill(no_server_there)
    request.getfixturevalue("standing_worker")
    for attempt in (2, 3):
        shop.books.let_pass(MAIL_PAUSE)
        shop.eventually(partial(has_failed, customer, attempt), "it was tried again")
    shop.books.let_pass(MAIL_PAUSE)

    shop.eventually(shop.idle, "nothing waits any more")

    assert letter(customer, "state, attempts, last_error") == ("SENT", 4, None)
    assert customer.mails("welcome") == 1


@pytest.mark.usefixtures("standing_worker")
def test_a_silent_cluster_only_delays(shop: LiveShop) -> None:
    stays, changes_his_mind = shop.customer(), shop.customer()
    clerk = shop.customer(role=Role.ADMINISTRATOR, credit=0)
    shop.lever("go_silent", seconds=LONG, how="refuse")
    subscription, regretted = stays.order(), changes_his_mind.order()
    for _ in range(3):
        await_further_try(shop, stays)
    assert of_instance(stays, "attempts, health_status") == (1, "Waiting for the cluster to answer")

    assert_customers_read_on(stays, subscription)
    answer = clerk.call("GET", "/admin/k8s/nodes")
    assert (answer.status_code, answer.json()["code"]) == (503, "cluster.unavailable")
    assert changes_his_mind.call("DELETE", f"/subscriptions/{regretted}").status_code == 200
    assert changes_his_mind.balance == CREDIT, "it never ran"
    await_further_try(shop, changes_his_mind)
    shop.lever("clear")
    shop.books.let_pass(CLUSTER_PAUSE)

    stays.awaits("RUNNING")
    changes_his_mind.awaits("TERMINATED")
    stays.assert_served_once()
    assert changes_his_mind.workloads() == 0
    assert clerk.call("GET", "/admin/k8s/nodes").status_code == 200
    assert_deleted_after_silence(shop, stays, subscription)


def assert_deleted_after_silence(shop: LiveShop, customer: Customer, subscription: str) -> None:
    """What runs is cancelled while the cluster answers 503: gone from the promise at once, from the cluster later."""
    shop.lever("go_silent", seconds=LONG, how="503")
    assert customer.call("DELETE", f"/subscriptions/{subscription}").status_code == 200
    await_try_of_last_backup(shop, customer)
    assert customer.status() != "TERMINATED"
    shop.books.assert_they_add_up()
    shop.lever("clear")
    assert customer.workloads() == 1
    shop.books.let_pass(CLUSTER_PAUSE)

    customer.awaits("TERMINATED")

    shop.eventually(shop.idle, "nothing waits any more")
    assert (customer.workloads(), customer.pods()) == (0, 0)
    assert (customer.mails("data_deleted"), customer.mails("cancelled")) == (1, 1)
    assert customer.balance == CREDIT - PRICE, "it ran"
    shop.books.assert_they_add_up()


def of_instance(customer: Customer, columns: str) -> tuple[object, ...]:
    """Columns of the customer's instance."""
    statement = f"SELECT {columns} FROM instances WHERE user_id = :id"
    [row] = customer.shop.books.ask(statement, id=customer.id)
    return tuple(row)


def await_further_try(shop: LiveShop, customer: Customer) -> None:
    """Let the pause pass and a worker try again."""
    before = of_instance(customer, "updated_at")
    shop.books.let_pass(CLUSTER_PAUSE)
    shop.eventually(lambda: of_instance(customer, "updated_at") != before, "it is tried again")


def await_try_of_last_backup(shop: LiveShop, customer: Customer) -> None:
    """The last backup comes before the deletion: let a worker try to take it once more."""
    tries = "SELECT coalesce(sum(turn), 0) FROM operations WHERE user_id = :id"
    shop.eventually(lambda: shop.books.one(tries, id=customer.id) > 0, "the last backup is tried")
    before = shop.books.one(tries, id=customer.id)
    shop.books.let_pass(CLUSTER_PAUSE)
    shop.eventually(lambda: shop.books.one(tries, id=customer.id) > before, "it is tried again")


def assert_customers_read_on(customer: Customer, subscription: str) -> None:
    """What customers look at is in our own books."""
    for path in (f"/subscriptions/{subscription}", "/subscriptions", "/wallet/info", "/catalog/services"):
        began = time.monotonic()
        assert customer.call("GET", path).status_code == 200
        assert time.monotonic() - began < READ_SECONDS, path


@pytest.mark.usefixtures("standing_worker")
def test_an_image_that_cannot_be_pulled_costs_nobody_anything(shop: LiveShop) -> None:
    customer, clerk = shop.customer(), shop.customer(role=Role.ADMINISTRATOR, credit=0)
    with unknown_image(shop, "*n8nio/n8n*"):
        customer.order()
        customer.awaits("ERROR")
        shop.eventually(lambda: customer.mails("instance_failed") > 0, "the customer is told")
        assert customer.balance == CREDIT - PRICE, "it may still be repaired"

        shop.books.change("UPDATE instances SET repair_until = now()")
        shop.books.change("UPDATE outbox SET run_after = now()")

        customer.awaits("TERMINATED")
    shop.eventually(shop.idle, "nothing waits any more")
    assert (customer.balance, customer.workloads()) == (CREDIT, 0)
    told = ("instance_failed", "provisioning_refunded", "instance_ready")
    assert [customer.mails(kind) for kind in told] == [1, 1, 0]
    assert clerk.mails("staff_alert") == 2
    shop.books.assert_they_add_up()


@contextmanager
def unknown_image(shop: LiveShop, pattern: str) -> Iterator[None]:
    """A registry that has lost an image, and nodes that never had it."""
    shop.lever("image", image=pattern, known=False, forget=True)
    try:
        yield
    finally:
        shop.lever("image", image=pattern, known=True)


@pytest.mark.usefixtures("standing_worker")
def test_a_refused_mail_is_shown_to_staff_and_not_tried_again(shop: LiveShop) -> None:
    desk = shop.desk()
    customer = shop.customer()
    shop.mail_lever(refuse={"times": 1, "code": 550, "to": customer.email})

    shop.eventually(shop.idle, "nothing waits any more")

    assert letter(customer, "state, attempts") == ("FAILED", 1)
    assert customer.mails("welcome") == 0
    assert "1 message not delivered" in desk.get(f"{shop.url}/admin/", timeout=10).text
    page = desk.get(f"{shop.url}/admin/messages?state=FAILED", timeout=10).text
    assert customer.email in page
    assert "The mail server answered 550." in page


def letter(customer: Customer, columns: str) -> tuple[object, ...]:
    """Columns of the customer's welcome."""
    statement = f"SELECT {columns} FROM notifications WHERE user_id = :id AND kind = 'welcome'"
    [row] = customer.shop.books.ask(statement, id=customer.id)
    return tuple(row)


def has_failed(customer: Customer, so_often: int) -> bool:
    """Whether the welcome was tried so often and waits for the next time."""
    waiting = customer.shop.books.one(
        "SELECT count(*) FROM outbox WHERE leased_until IS NULL AND run_after > now()"
    )
    return letter(customer, "attempts") == (so_often,) and waiting == 1
