"""Usage, uptime, events and logs of one's own instance over the wire, on a cluster; nobody else's."""

import json
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from tests.contracts.cluster.conftest import pull_lever
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop
from tests.plugins.simulators import Simulator

READS = ("metrics", "usage", "uptime", "events", "logs")


@pytest.fixture
def ordered(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription that has never run; the cluster is nowhere."""
    return shop.order(customer, plan_id("wordpress"))


@pytest.fixture
def running(
    ordered: uuid.UUID,
    shop: Shop,
    cluster: KubernetesCluster,
    run_jobs: Callable[..., int],
    tick: Callable[[str], None],
    clock: FrozenClock,
) -> uuid.UUID:
    """WordPress with its database, running and looked at for a while."""
    for _ in range(50):
        run_jobs()
        if shop.look(ordered)[1].status is InstanceStatus.RUNNING:
            break
        clock.advance(seconds=2)
    for _ in range(3):
        clock.advance(seconds=60)
        tick("observe-cluster")
        tick("sample-usage")
    return ordered


@pytest.fixture
def ask(client: FlaskClient, customer: Person) -> Callable[..., dict]:
    """Read one thing of a subscription as its owner."""

    def read(subscription_id: uuid.UUID, what: str, status: int = 200) -> dict:
        response = client.get(f"/api/v1/subscriptions/{subscription_id}/{what}", headers=customer.headers)
        return data_of(response, status)

    return read


@pytest.mark.parametrize("what", READS)
def test_other_peoples_things_are_not_found(
    client: FlaskClient, ordered: uuid.UUID, person: Callable[..., Person], what: str
) -> None:
    stranger = person()
    path = f"/api/v1/subscriptions/{ordered}/{what}"

    refused(client.get(path, headers=stranger.headers), 404, "subscriptions.no_such_subscription")
    assert client.get(path).status_code == 401
    missing = f"/api/v1/subscriptions/{uuid.uuid4()}/{what}"
    assert client.get(missing, headers=stranger.headers).status_code == 404
    odd = "/api/v1/subscriptions/not-an-id/" + what
    assert client.get(odd, headers=stranger.headers).status_code == 404


@pytest.mark.parametrize("what", ["events", "logs"])
def test_a_silent_cluster_is_said(
    client: FlaskClient, customer: Person, ordered: uuid.UUID, what: str
) -> None:
    path = f"/api/v1/subscriptions/{ordered}/{what}"

    refused(client.get(path, headers=customer.headers), 503, "cluster.not_configured")


def test_usage_is_our_own_and_needs_no_cluster(ordered: uuid.UUID, ask: Callable[..., dict]) -> None:
    for wanted, points in (("24h", 96), ("7d", 84), ("30d", 120), ("12m", 73)):
        found = ask(ordered, f"usage?range={wanted}")

        assert (found["range"], len(found["points"])) == (wanted, points)
        assert all(point["cpu"] is None for point in found["points"])
    assert ask(ordered, "uptime") == {"target": 99.5, "months": []}


@pytest.mark.parametrize(
    "query", ["usage?range=1h", "logs?lines=0", "logs?lines=1001", "logs?previous=maybe"]
)
def test_nonsense_is_refused(client: FlaskClient, customer: Person, ordered: uuid.UUID, query: str) -> None:
    path = f"/api/v1/subscriptions/{ordered}/{query}"

    assert client.get(path, headers=customer.headers).status_code == 400


def test_metrics_are_all_numbers_or_not_there(
    client: FlaskClient, customer: Person, running: uuid.UUID, ask: Callable[..., dict], clock: FrozenClock
) -> None:
    found = ask(running, "metrics")

    for name in ("cpu", "memory"):
        assert all(isinstance(found[name][key], int | float) for key in ("usage", "limit", "percentage"))
        assert found[name]["usage"] > 0
        assert found[name]["percentage"] == round(found[name]["usage"] * 100 / found[name]["limit"])
    assert found["status"] == "RUNNING"

    path = f"/api/v1/subscriptions/{running}/metrics"
    clock.advance(minutes=3)
    refused(client.get(path, headers=customer.headers), 503, "cluster.unavailable")


def test_metrics_of_what_does_not_run_are_not_found(
    client: FlaskClient, customer: Person, ordered: uuid.UUID
) -> None:
    path = f"/api/v1/subscriptions/{ordered}/metrics"

    refused(client.get(path, headers=customer.headers), 404, "instances.nothing_measured")


def test_usage_and_uptime_of_what_runs(running: uuid.UUID, ask: Callable[..., dict]) -> None:
    usage = ask(running, "usage")

    newest = usage["points"][-1]
    assert newest["cpu"]["min"] <= newest["cpu"]["avg"] <= newest["cpu"]["max"] <= usage["limits"]["cpu"]
    assert newest["memory"]["avg"] > 0
    # local-path is not measured, and that is said instead of a number.
    assert newest["storage"] is None
    assert usage["storageMeasured"] is False
    assert "not measured" in usage["storageNote"]["en"]
    assert "tidak diukur" in usage["storageNote"]["id"]

    [month] = ask(running, "uptime")["months"]
    assert month["percent"] == 100
    assert month["isMet"] is True
    assert (month["upSeconds"], month["downSeconds"]) == (120, 0)


def test_events_are_told_in_both_languages_without_the_clusters_own_words(
    app: Flask,
    running: uuid.UUID,
    ask: Callable[..., dict],
    cluster: KubernetesCluster,
    kubernetes_simulator: Simulator,
) -> None:
    with app.app_context():
        instance = session().scalars(select(Instance).where(Instance.subscription_id == running)).one()
    pull_lever(kubernetes_simulator, "oom", namespace=instance.namespace, workload=instance.name)

    events = ask(running, "events")["events"]

    told = {event["reason"]: event for event in events}
    assert {"oom", "started", "scheduled"} <= set(told)
    assert told["oom"]["severity"] == "warning"
    assert told["oom"]["text"]["en"].endswith(".")
    assert told["oom"]["text"]["id"].endswith(".")
    assert told["oom"]["advice"]["en"]
    assert told["oom"]["advice"]["id"]
    assert set(events[0]) == {
        "at", "reason", "severity", "count", "container", "text", "advice", "logLines"
    }  # fmt: skip
    whole = json.dumps(events)
    assert instance.node_name
    assert instance.node_name not in whole
    assert instance.namespace not in whole


def test_the_log_of_each_container_and_of_the_run_before_can_be_read(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    running: uuid.UUID,
    ask: Callable[..., dict],
    kubernetes_simulator: Simulator,
) -> None:
    present = ask(running, "logs?lines=5")
    database = ask(running, "logs?container=database&lines=5")

    assert (present["container"], present["previous"]) == ("app", False)
    assert present["containers"] == ["app", "database"]
    assert 1 <= len(present["lines"]) <= 5
    assert database["container"] == "database"
    assert ask(running, "logs?previous=true")["lines"] == [], "it has not been started again yet"

    with app.app_context():
        instance = session().scalars(select(Instance).where(Instance.subscription_id == running)).one()
    pull_lever(kubernetes_simulator, "crash", namespace=instance.namespace, workload=instance.name)
    for _ in range(100):
        before = ask(running, "logs?previous=true")
        if before["lines"]:
            break
    assert before["previous"] is True
    assert before["lines"]

    path = f"/api/v1/subscriptions/{running}/logs?container=init"
    body = refused(client.get(path, headers=customer.headers), 404, "instances.no_such_container")
    assert body["data"]["containers"] == ["app", "database"]
