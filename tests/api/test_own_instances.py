"""One's own instances by their own ids: what can be read and done, and what is refused with the right address."""

import json
import uuid
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription whose instance is said to run."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


@pytest.fixture
def instance(shop: Shop, mine: uuid.UUID) -> uuid.UUID:
    """Its instance."""
    return shop.look(mine)[1].id


def test_the_list_has_ones_own_newest_first(
    client: FlaskClient,
    shop: Shop,
    customer: Person,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
    mine: uuid.UUID,
) -> None:
    shop.clock.advance(seconds=1)
    second = shop.order(customer, plan_id("ghost-blog"))
    shop.order(person(credit=500_000), plan_id())

    data = data_of(client.get("/api/instances", headers=customer.headers))

    assert [each["subscriptionId"] for each in data["instances"]] == [str(second), str(mine)]
    assert data["total"] == data["pagination"]["total"] == 2
    assert data["instances"][0]["subscription"]["service"]["slug"] == "ghost-blog"
    assert data["instances"][1]["subscription"]["plan"]["monthlyPrice"] == 50_000
    paged = data_of(client.get("/api/instances?page=2&limit=1", headers=customer.headers))
    assert [each["subscriptionId"] for each in paged["instances"]] == [str(mine)]


def test_a_status_that_is_asked_for_is_listed_also_when_it_is_gone(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID
) -> None:
    def listed(query: str) -> int:
        return int(data_of(client.get(f"/api/instances{query}", headers=customer.headers))["total"])

    assert (listed("?status=RUNNING"), listed("?status=STOPPED"), listed("?status=")) == (1, 0, 1)
    shop.put(mine, status=InstanceStatus.TERMINATED)
    assert (listed(""), listed("?includeTerminated=false")) == (0, 0)
    assert (listed("?includeTerminated=true"), listed("?status=TERMINATED")) == (1, 1)
    refused(client.get("/api/instances?status=NONE", headers=customer.headers), 400, "request.invalid")


def test_the_list_asks_a_constant_number_of_questions(
    client: FlaskClient,
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    mine: uuid.UUID,
) -> None:
    with asked() as one:
        data_of(client.get("/api/instances", headers=customer.headers))
    for slug in ("ghost-blog", "postgresql"):
        shop.order(customer, plan_id(slug))
    with asked() as three:
        data = data_of(client.get("/api/instances", headers=customer.headers))

    assert data["total"] == 3
    assert len(three) == len(one) > 0


def test_one_instance_with_a_silent_cluster(
    client: FlaskClient, shop: Shop, customer: Person, instance: uuid.UUID, mine: uuid.UUID
) -> None:
    data = data_of(client.get(f"/api/instances/{instance}", headers=customer.headers))

    assert data["instance"]["id"] == str(instance)
    assert data["urls"]["public"] == data["instance"]["publicUrl"]
    assert data["kubernetesStatus"]["deployment"] == data["instance"]["name"]
    assert data["ssl"] == {"enabled": False, "status": "DISABLED"}
    shop.put(mine, status=InstanceStatus.TERMINATED)
    gone = data_of(client.get(f"/api/instances/{instance}", headers=customer.headers))
    assert gone["kubernetesStatus"] is None


def test_a_resize_is_an_upgrade_and_a_deletion_a_cancellation(
    client: FlaskClient,
    shop: Shop,
    customer: Person,
    mine: uuid.UUID,
    instance: uuid.UUID,
    plan_id: Callable[..., uuid.UUID],
) -> None:
    pro = str(plan_id("n8n-automation", "PRO"))
    path = f"/api/instances/{instance}"

    resized = refused(
        client.put(f"{path}/update", json={"planId": pro}, headers=customer.headers),
        400,
        "instances.resized_by_upgrade",
    )
    deleted = refused(client.delete(path, headers=customer.headers), 400, "instances.ends_with_subscription")

    assert resized["data"] == {
        "subscriptionId": str(mine),
        "use": f"PUT /api/v1/subscriptions/{mine}/upgrade",
    }
    assert deleted["data"]["use"] == f"DELETE /api/v1/subscriptions/{mine}"
    row = shop.look(mine)[1]
    assert (row.status, row.cpu_milli) == (InstanceStatus.RUNNING, 1000)
    assert shop.balance(customer) == 450_000
    method, _, address = resized["data"]["use"].partition(" ")
    done = client.open(address, method=method, json={"newPlanId": pro}, headers=customer.headers)
    assert data_of(done)["actualCharge"] > 0


def test_provisioning_again_is_a_retry_of_ones_own(
    client: FlaskClient, shop: Shop, customer: Person, person: Callable[..., Person], mine: uuid.UUID
) -> None:
    def ask(who: Person) -> object:
        return client.post("/api/instances", json={"subscriptionId": str(mine)}, headers=who.headers)

    refused(ask(customer), 409, "instances.already_running")
    shop.put(mine, status=InstanceStatus.ERROR)
    refused(ask(person()), 404, "subscriptions.no_such_subscription")
    assert shop.look(mine)[1].status is InstanceStatus.ERROR

    data = data_of(ask(customer), 201)

    assert data["instance"]["status"] == "PENDING"
    assert shop.look(mine)[1].status is InstanceStatus.PENDING
    refused(ask(customer), 409, "instances.provisioning_runs")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", "/update"),
        ("DELETE", ""),
        ("GET", "/logs"),
        ("PUT", "/stop"),
        ("PUT", "/start"),
        ("POST", "/restart"),
    ],
)
def test_somebody_elses_instance_is_not_found(
    client: FlaskClient, person: Callable[..., Person], instance: uuid.UUID, method: str, path: str
) -> None:
    stranger = person()

    for id_ in (instance, uuid.uuid4()):
        answer = client.open(
            f"/api/instances/{id_}{path}",
            method=method,
            headers=stranger.headers,
            json={"planId": str(uuid.uuid4())} if path == "/update" else None,
        )
        refused(answer, 404, "instances.no_such_instance")
    odd = client.open(
        f"/api/instances/no-id{path}", method=method, headers=stranger.headers, json={"planId": "x"}
    )
    assert odd.status_code == 404
    assert client.open(f"/api/instances/{instance}{path}", method=method).status_code == 401


def test_the_log_has_times_and_levels(
    client: FlaskClient,
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    run_jobs: Callable[..., int],
    clock: FrozenClock,
) -> None:
    made = shop.order(customer, plan_id())
    for _ in range(100):
        run_jobs()
        if shop.look(made)[1].status is InstanceStatus.RUNNING:
            break
        clock.advance(seconds=2)
    id_ = shop.look(made)[1].id

    data = data_of(client.get(f"/api/instances/{id_}/logs?lines=5&follow=true", headers=customer.headers))

    assert 0 < data["total"] == len(data["logs"]) <= 5
    assert {"timestamp", "level", "message"} == set(data["logs"][0])
    assert all(each["timestamp"].endswith("Z") for each in data["logs"])
    secrets = shop.app.extensions["minispod.ports"].sealer.open(shop.look(made)[1].sealed_secrets)
    assert secrets
    assert not any(value in json.dumps(data) for value in secrets.values())
    refused(
        client.get(f"/api/instances/{id_}/logs?lines=1001", headers=customer.headers), 400, "request.invalid"
    )
