"""Stop, start, restart and retry over the wire: the wish, the bounded wait, and what may not be."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.api import patience as patience_module
from minispod.api.patience import Patience, patience_of
from minispod.instances import controls
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person, PortsNow, data_of, refused
from tests.plugins.shop import Shop

CONTROLS = [("PUT", "stop"), ("PUT", "start"), ("POST", "restart")]


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription whose instance is said to run; no cluster is asked."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


@pytest.fixture
def working(
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    run_jobs: Callable[..., int],
    clock: FrozenClock,
) -> Iterator[uuid.UUID]:
    """A subscription whose instance runs on the simulated cluster, with a worker that works all the time."""
    made = shop.order(customer, plan_id())
    for _ in range(100):
        run_jobs()
        if shop.look(made)[1].status is InstanceStatus.RUNNING:
            break
        clock.advance(seconds=2)
        time.sleep(0.05)
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.05):
            run_jobs()
            clock.advance(seconds=1)

    worker = threading.Thread(target=work)
    worker.start()
    yield made
    is_over.set()
    worker.join()


@pytest.fixture
def impatient(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: every place is taken."""
    monkeypatch.setitem(app.extensions, "minispod.patience", Patience(0))


def press(
    client: FlaskClient, who: Person, what: str, subject: uuid.UUID, kind: str = "subscriptions"
) -> Any:
    method = {name: method for method, name in CONTROLS}.get(what, "POST")
    # As the front end sends it: JSON announced, and no body.
    return client.open(
        f"/api/{kind}/{subject}/{what}",
        method=method,
        headers={**who.headers, "Content-Type": "application/json"},
    )


def _await(shop: Shop, subject: uuid.UUID, status: InstanceStatus) -> None:
    """Wait until the wish of a request that waits is written down."""
    while shop.look(subject)[1].status is not status:
        time.sleep(0.01)


def test_each_control_answers_with_the_state_that_was_reached(
    client: FlaskClient, customer: Person, working: uuid.UUID
) -> None:
    stopped = data_of(press(client, customer, "stop", working))
    assert (stopped["instance"]["status"], stopped["stop"]["preservedData"]) == ("STOPPED", True)
    assert stopped["stop"]["stoppedAt"]
    assert not {"start", "restart"} & set(stopped)

    started = data_of(press(client, customer, "start", working))
    assert (started["instance"]["status"], started["instance"]["healthStatus"]) == ("RUNNING", "Healthy")
    pod = started["start"]["newPodName"]

    restarted = data_of(press(client, customer, "restart", working))
    assert (restarted["instance"]["status"], restarted["instance"]["healthStatus"]) == ("RUNNING", "Healthy")
    assert restarted["restart"]["oldPodName"] == pod != restarted["restart"]["newPodName"]
    assert restarted["subscription"]["instances"][0]["status"] == "RUNNING"
    assert restarted["nextSteps"]


def test_without_a_worker_the_answer_is_202_after_the_wait_and_the_wish_is_kept(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID, app: Flask
) -> None:
    begun = time.monotonic()

    response = press(client, customer, "stop", mine)

    took = time.monotonic() - begun
    data = data_of(response, 202)
    assert 4.5 < took < 15  # control_wait_seconds of the tests is 5
    assert (data["instance"]["status"], data["stop"]["stoppedAt"]) == ("STOPPING", None)
    assert shop.look(mine)[1].wanted.value == "STOPPED"


def test_who_waits_holds_no_connection(
    client: FlaskClient, customer: Person, mine: uuid.UUID, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        pool: Any = db.engine.pool
        before = pool.checkedout()
    held: list[int] = []

    def sleep(seconds: float) -> None:
        held.append(pool.checkedout() - before)
        time.sleep(seconds)

    monkeypatch.setattr(patience_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    press(client, customer, "stop", mine)

    assert held.count(0) == len(held) > 1


def test_half_of_the_threads_may_wait_and_the_others_answer_at_once(
    client: FlaskClient, customer: Person, mine: uuid.UUID, impatient: None
) -> None:
    begun = time.monotonic()

    data = data_of(press(client, customer, "restart", mine), 202)

    assert time.monotonic() - begun < 5, "so long is a wait"
    assert data["instance"]["status"] == "RESTARTING"


def test_the_places_are_half_of_the_threads_that_live_connections_leave(app: Flask) -> None:
    assert patience_of(app).places == 8
    patience, looks = Patience(2), threading.Barrier(3)
    found: list[object] = []
    has_place = threading.Semaphore(0)

    def look() -> int:
        has_place.release()
        return looks.wait(60)

    def wait() -> None:
        found.append(patience.wait_for(look, 60))

    with app.app_context():
        waiting = [threading.Thread(target=_in_context(app, wait)) for _ in range(2)]
        for each in waiting:
            each.start()
        for _ in waiting:
            assert has_place.acquire(timeout=60)
        begun = time.monotonic()
        third = patience.wait_for(lambda: "never asked", 50)
        assert (third, time.monotonic() - begun < 25) == (None, True)
        looks.wait(60)
        for each in waiting:
            each.join()
        assert len(found) == 2
        assert patience.wait_for(lambda: "a place is free again", 5) == "a place is free again"


def test_the_wait_ends_with_the_server(app: Flask) -> None:
    patience, begun = Patience(1), time.monotonic()
    patience.end_when(lambda: time.monotonic() - begun > 0.5)

    with app.app_context():
        assert patience.wait_for(lambda: None, 20) is None

    assert time.monotonic() - begun < 15, "it would have waited for 20 s"


def _in_context(app: Flask, act: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with app.app_context():
            act()

    return run


def test_a_control_that_makes_no_sense_is_refused_without_waiting(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID
) -> None:
    begun = time.monotonic()

    refused(press(client, customer, "start", mine), 400, "instances.wrong_state")
    shop.put(mine, status=InstanceStatus.STOPPED)
    body = refused(press(client, customer, "stop", mine), 400, "instances.wrong_state")
    refused(press(client, customer, "restart", mine), 400, "instances.wrong_state")

    assert body["data"] == {"status": "STOPPED"}
    assert time.monotonic() - begun < 5, "so long is one wait"


def test_what_is_not_paid_for_is_not_started(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID
) -> None:
    shop.cancel(customer, mine)
    shop.put(mine, status=InstanceStatus.STOPPED)

    refused(press(client, customer, "start", mine), 400, "subscriptions.not_active")


@pytest.mark.parametrize("what", ["stop", "start", "restart", "retry-provisioning"])
def test_somebody_elses_instance_is_not_found(
    client: FlaskClient, person: Callable[..., Person], shop: Shop, mine: uuid.UUID, what: str
) -> None:
    stranger = person()

    refused(press(client, stranger, what, mine), 404, "subscriptions.no_such_subscription")
    refused(press(client, stranger, what, uuid.uuid4()), 404, "subscriptions.no_such_subscription")
    assert shop.look(mine)[1].status is InstanceStatus.RUNNING
    method = "PUT" if what in ("stop", "start") else "POST"
    assert client.open(f"/api/subscriptions/{mine}/{what}", method=method).status_code == 401


def test_staff_may_control_for_a_customer(
    client: FlaskClient, administrator: Person, mine: uuid.UUID, impatient: None
) -> None:
    assert data_of(press(client, administrator, "stop", mine), 202)["instance"]["status"] == "STOPPING"


def test_a_start_that_fails_is_said_in_words(
    client: FlaskClient, app: Flask, shop: Shop, customer: Person, mine: uuid.UUID, clock: FrozenClock
) -> None:
    shop.put(mine, status=InstanceStatus.STOPPED)

    def fail() -> None:
        _await(shop, mine, InstanceStatus.STARTING)
        with app.app_context(), unit_of_work():
            row = controls.lock_instance(shop.look(mine)[1].id)
            row.turn(InstanceStatus.ERROR, clock.now(), health="The image could not be pulled.")

    failing = threading.Thread(target=fail)
    failing.start()
    data = data_of(press(client, customer, "start", mine))
    failing.join()

    assert data["instance"]["status"] == "ERROR"
    assert data["message"] == "The instance could not be started: The image could not be pulled."


def test_retry_of_what_runs_or_is_being_provisioned_is_a_conflict(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID
) -> None:
    refused(press(client, customer, "retry-provisioning", mine), 409, "instances.already_running")
    shop.put(mine, status=InstanceStatus.PROVISIONING)
    refused(press(client, customer, "retry-provisioning", mine), 409, "instances.provisioning_runs")
    shop.put(mine, status=InstanceStatus.STOPPED)
    refused(press(client, customer, "retry-provisioning", mine), 400, "instances.nothing_to_retry")
    shop.put(mine, status=InstanceStatus.ERROR)
    again = data_of(press(client, customer, "retry-provisioning", mine))
    assert (again["instance"]["status"], again["instance"]["previousStatus"]) == ("PENDING", "ERROR")
    assert "ports" not in again


def test_a_silent_cluster_leaves_the_wish_and_says_what_is_waited_for(
    client: FlaskClient,
    ports: PortsNow,
    shop: Shop,
    customer: Person,
    mine: uuid.UUID,
    run_jobs: Callable[..., int],
) -> None:
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(press(client, customer, "stop", mine)))
    asking.start()
    _await(shop, mine, InstanceStatus.STOPPING)
    run_jobs()
    asking.join()

    data = data_of(answers[0], 202)
    assert data["instance"]["healthStatus"] == "Waiting for the cluster to answer"
    assert "Waiting for the cluster to answer" in data["nextSteps"][0]
