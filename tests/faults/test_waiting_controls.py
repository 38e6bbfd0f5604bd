"""Requests that wait for the cluster, on the real web server: they hold up neither the others nor its end."""

import subprocess
import threading
import time
from dataclasses import replace
from functools import partial
from typing import Any

from tests.faults.shop import Customer, LiveShop


def running(shop: LiveShop) -> tuple[Customer, str]:
    """A customer whose instance is said to run; no worker is there."""
    customer = shop.customer()
    subscription = customer.order()
    shop.books.change(
        "UPDATE instances SET status = 'RUNNING', first_ran_at = created_at WHERE user_id = :id",
        id=customer.id,
    )
    return customer, subscription


def second_server(shop: LiveShop, **changed: str) -> tuple[LiveShop, subprocess.Popen[bytes]]:
    """The same shop behind a web server of the test's own."""
    url, web = shop.backstage.web(**changed)
    other = replace(shop, url=url)
    other.plan = shop.plan
    other.eventually(other.answers, "the second web server answers")
    return other, web


def press(customer: Customer, subscription: str, into: list[Any]) -> None:
    """Stop, and note the answer and when it came."""
    answer = customer.call("PUT", f"/subscriptions/{subscription}/stop", seconds=60)
    into.append((answer, time.monotonic()))


def test_who_waits_is_answered_when_the_server_goes_down(shop: LiveShop) -> None:
    customer, subscription = running(shop)
    other, web = second_server(shop)
    answers: list[Any] = []
    waiting = threading.Thread(target=press, args=(replace(customer, shop=other), subscription, answers))
    waiting.start()
    shop.eventually(lambda: customer.status() == "STOPPING", "the wish is recorded")
    time.sleep(0.5)
    assert not answers

    told = time.monotonic()
    status = shop.backstage.stop(web)
    waiting.join()

    [(answer, at)] = answers
    assert (answer.status_code, answer.json()["data"]["instance"]["status"]) == (202, "STOPPING")
    assert at - told < 10, "20 seconds were left"
    assert status == 0


def test_half_of_the_threads_wait_and_the_other_half_answers(shop: LiveShop) -> None:
    people = [running(shop) for _ in range(4)]
    other, web = second_server(shop, WEB_THREADS="6", CONTROL_WAIT_SECONDS="15")
    answers: list[Any] = []
    begun = time.monotonic()
    waiting = [
        threading.Thread(target=press, args=(replace(customer, shop=other), subscription, answers))
        for customer, subscription in people
    ]
    for each in waiting:
        each.start()

    other.eventually(lambda: len(answers) == 1, "who finds no place is answered at once", seconds=13)
    assert other.answers()
    assert time.monotonic() - begun < 14.5
    for each in waiting:
        each.join()

    late = sorted(at - begun for _, at in answers)
    assert [answer.status_code for answer, _ in answers] == [202] * 4
    assert late[0] < 14.5 < late[1]
    shop.backstage.stop(web)


def test_with_a_worker_the_state_that_was_reached_is_answered(shop: LiveShop) -> None:
    shop.backstage.worker()
    customer = shop.customer()
    subscription = customer.order()
    customer.awaits("RUNNING")

    press_ = partial(customer.call, seconds=30)
    stopped = press_("PUT", f"/subscriptions/{subscription}/stop")
    started = press_("PUT", f"/subscriptions/{subscription}/start")
    restarted = press_("POST", f"/subscriptions/{subscription}/restart")

    answers = (stopped, started, restarted)
    assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
    states = [answer.json()["data"]["instance"]["status"] for answer in answers]
    assert states == ["STOPPED", "RUNNING", "RUNNING"]
    assert restarted.json()["data"]["instance"]["healthStatus"] == "Healthy"
