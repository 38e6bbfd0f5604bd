"""Processes that are killed, stopped or doubled: what they held is finished by another, once."""

import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg2
import pytest
import requests

from minispod.kernel.tasks import Task
from minispod.local import processes
from tests.faults.shop import CREDIT, PRICE, Customer, LiveShop

LEASE_SECONDS = max(task.nature.lease_seconds for task in Task)


def leased(shop: LiveShop) -> set[str]:
    """The tasks that a worker holds just now."""
    return {task for (task,) in shop.books.ask("SELECT task FROM outbox WHERE leased_until > now()")}


def await_middle(shop: LiveShop, customer: Customer) -> None:
    """Wait until a worker has begun with this customer in the cluster, and is not done."""
    shop.eventually(customer.has_namespace, "the worker has begun")
    assert Task.RECONCILE_INSTANCE in leased(shop)
    assert customer.workloads() == 0


def test_what_killed_workers_had_begun_is_finished_by_another(shop: LiveShop) -> None:
    customer = shop.customer()
    shop.lever("delay", seconds=2)
    shop.mail_lever(delay_s=9)
    provisioner, postman = shop.backstage.worker("provisioning"), shop.backstage.worker("mail", "sweeps")
    customer.order()
    await_middle(shop, customer)
    shop.eventually(lambda: Task.DELIVER_MESSAGE in leased(shop), "the welcome is on its way")

    shop.backstage.kill(provisioner)
    shop.backstage.kill(postman)

    shop.lever("clear")
    shop.mail_lever()
    assert leased(shop) == {Task.RECONCILE_INSTANCE, Task.DELIVER_MESSAGE}
    shop.backstage.worker()
    shop.eventually(lambda: shop.readiness()[0] == 200, "another worker lives")
    assert customer.status() == "PROVISIONING", "nobody takes it while the lease runs"
    assert customer.mails("welcome") == 0
    shop.books.let_pass(LEASE_SECONDS)
    customer.awaits("RUNNING")
    customer.assert_served_once()
    assert customer.mails("welcome") == 1


def test_a_worker_that_is_asked_to_stop_finishes_what_it_holds(shop: LiveShop) -> None:
    customer = shop.customer()
    shop.lever("delay", seconds=0.3)
    provisioner = shop.backstage.worker("provisioning")
    shop.backstage.worker("money", "mail", "sweeps")
    customer.order()
    await_middle(shop, customer)

    assert shop.backstage.stop(provisioner) == 0

    shop.lever("clear")
    assert Task.RECONCILE_INSTANCE not in leased(shop)
    assert customer.status() == "RUNNING"
    customer.assert_served_once()


def test_a_web_server_killed_in_the_middle_of_an_order_leaves_nothing(
    shop: LiveShop, own_database_url: str
) -> None:
    customer = shop.customer()
    [child] = processes.children_of(shop.web.pid)
    somebody = psycopg2.connect(own_database_url)
    with somebody, somebody.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        # The slot comes after the subscription, the instance and the charge.
        cursor.execute("SELECT id FROM plans WHERE id = %s FOR UPDATE", (str(shop.plan),))
        answer = pool.submit(customer.try_order)
        shop.eventually(lambda: waits_for_a_lock(shop), "the order waits for the slot")

        processes.send(child, signal.SIGKILL)

        with pytest.raises(requests.ConnectionError):
            answer.result(timeout=10)
    somebody.close()
    shop.eventually(shop.answers, "the web server is back")
    shop.eventually(lambda: not waits_for_a_lock(shop), "the transaction has ended")
    assert (customer.status(), customer.charges(), customer.balance) == (None, 0, CREDIT)
    shop.books.assert_they_add_up()
    assert customer.try_order().status_code == 201


def waits_for_a_lock(shop: LiveShop) -> bool:
    """Whether a transaction in this shop's database waits for another."""
    return bool(
        shop.books.one(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


def test_two_schedulers_and_two_workers_do_everything_once(shop: LiveShop) -> None:
    customers = [shop.customer() for _ in range(3)]
    for customer in customers:
        customer.order()
    deliver_thrice(shop)
    shop.backstage.scheduler()
    shop.backstage.worker()
    shop.backstage.worker()
    for customer in customers:
        customer.awaits("RUNNING")
    for customer in customers:
        customer.assert_served_once()

    end_the_month(shop)
    for _ in range(10):
        shop.tick("advance-calendar")

    for customer in customers:
        shop.eventually(partial(has_mail, customer, "renewed"), "it is renewed")
    shop.eventually(shop.idle, "nothing waits any more")
    for customer in customers:
        assert (customer.charges(), customer.balance) == (2, CREDIT - 2 * PRICE)
        assert (customer.mails("renewed"), customer.mails("instance_ready")) == (1, 1)
    # Months that were moved by so many days are not quite those of the calendar.
    shop.books.assert_they_add_up(apart_from=["period-sequence"])


def has_mail(customer: Customer, kind: str) -> bool:
    """Whether a mail of this kind has come."""
    return customer.mails(kind) > 0


def deliver_thrice(shop: LiveShop) -> None:
    """Have the queue bring every piece of work three times."""
    for row_id, task in shop.books.ask("SELECT id, task FROM outbox"):
        for _ in range(3):
            shop.queue(Task(task).nature.queue).enqueue("minispod.worker.run_row", str(row_id))


def end_the_month(shop: LiveShop) -> None:
    """Let every running month have ended a minute ago."""
    back = "(SELECT max(ends_at) - now() + interval '1 minute' FROM subscriptions WHERE status = 'ACTIVE')"
    for table, columns in {
        "periods": ("starts_at", "ends_at"),
        "subscriptions": ("anchor_at", "started_at", "billed_at", "ends_at"),
    }.items():
        moved = ", ".join(f"{column} = {column} - {back}" for column in columns)
        shop.books.change(f"UPDATE {table} SET {moved}")
