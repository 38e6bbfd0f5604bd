"""Environment and credentials over the wire: whose they are, what is told, and what never is."""

import uuid
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient

from minispod.kernel.sealed import Sealer
from tests.plugins.app import Person, PortsNow, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def running(shop: Shop, customer: Person, plan_id: PlanFinder) -> str:
    """The path of a subscription whose n8n runs."""
    subscription = shop.order(customer, plan_id("n8n-automation", "BASIC"))
    shop.runs(subscription)
    return f"/api/v1/subscriptions/{subscription}"


@pytest.fixture
def database(shop: Shop, customer: Person, plan_id: PlanFinder) -> str:
    """The path of a subscription whose PostgreSQL runs."""
    subscription = shop.order(customer, plan_id("postgresql", "BASIC"))
    shop.runs(subscription)
    return f"/api/v1/subscriptions/{subscription}"


def _change(client: FlaskClient, path: str, person: Person, **values: str | None) -> object:
    return client.patch(f"{path}/environment", json={"values": values}, headers=person.headers)


def test_what_may_be_set_is_offered(client: FlaskClient, running: str, customer: Person) -> None:
    data = data_of(client.get(f"{running}/environment", headers=customer.headers))

    assert (data["names"], data["takesMore"], data["lastChange"]) == ([], True, None)
    assert (data["mostValues"], data["longestValue"]) == (50, 4096)
    [zone] = [each for each in data["offers"] if each["name"] == "GENERIC_TIMEZONE"]
    assert zone["isSet"] is False
    assert set(zone["description"]) == {"en", "id"}


def test_a_change_answers_with_the_transitional_state_and_shows_no_value(
    client: FlaskClient, shop: Shop, running: str, customer: Person
) -> None:
    answer = _change(client, running, customer, GENERIC_TIMEZONE="Asia/Makassar", MY_TOKEN="very-own-token")

    data = data_of(answer, 202)
    assert data["instance"]["status"] == "RESTARTING"
    assert data["environment"]["names"] == ["GENERIC_TIMEZONE", "MY_TOKEN"]
    assert data["environment"]["lastChange"]["state"] == "APPLYING"
    listed = client.get(f"{running}/environment", headers=customer.headers)
    assert "very-own-token" not in answer.text + listed.text  # type: ignore[attr-defined]
    shown = data_of(client.post(f"{running}/environment/show", headers=customer.headers))
    assert shown["values"] == {"GENERIC_TIMEZONE": "Asia/Makassar", "MY_TOKEN": "very-own-token"}
    shop.runs(uuid.UUID(running.rpartition("/")[2]))
    reverted = data_of(client.post(f"{running}/environment/revert", headers=customer.headers), 202)
    assert reverted["environment"]["names"] == []


def test_what_is_refused_says_why_by_name(client: FlaskClient, running: str, customer: Person) -> None:
    body = refused(
        _change(client, running, customer, WEBHOOK_URL="https://x.example", TZ="one\ntwo"),
        400,
        "instances.environment_refused",
    )

    assert set(body["data"]["errors"]) == {"WEBHOOK_URL", "TZ"}


@pytest.mark.parametrize(
    "body", [{}, {"values": {}}, {"values": []}, {"values": {"A": 1}}, {"values": {"": "x"}}]
)
def test_what_is_no_change_is_refused(
    client: FlaskClient, running: str, customer: Person, body: object
) -> None:
    refused(
        client.patch(f"{running}/environment", json=body, headers=customer.headers), 400, "request.invalid"
    )


def test_a_lone_surrogate_is_refused(client: FlaskClient, running: str, customer: Person) -> None:
    answer = client.patch(
        f"{running}/environment",
        data='{"values": {"A": "\\ud800"}}',
        headers={**customer.headers, "Content-Type": "application/json"},
    )

    refused(answer, 400, "instances.environment_refused")


def test_while_it_restarts_nothing_can_be_changed(
    client: FlaskClient, running: str, customer: Person
) -> None:
    data_of(_change(client, running, customer, A="1"), 202)

    refused(_change(client, running, customer, A="2"), 400, "instances.wrong_state")
    refused(
        client.post(f"{running}/environment/revert", headers=customer.headers), 400, "instances.wrong_state"
    )


def test_credentials_are_listed_without_values_and_changed_on_demand(
    client: FlaskClient, shop: Shop, database: str, customer: Person
) -> None:
    [one] = data_of(client.get(f"{database}/credentials", headers=customer.headers))["credentials"]
    assert one == {"name": "POSTGRES_PASSWORD", "canRotate": True, "rotation": None}

    path = f"{database}/credentials/POSTGRES_PASSWORD/rotate"
    [asked] = data_of(client.post(path, headers=customer.headers), 202)["credentials"]

    assert asked["rotation"]["state"] == "ASKED"
    refused(client.post(path, headers=customer.headers), 409, "instances.rotation_runs")


def test_a_credential_that_data_were_written_with_is_refused(
    client: FlaskClient, running: str, customer: Person
) -> None:
    path = f"{running}/credentials/N8N_ENCRYPTION_KEY/rotate"

    refused(client.post(path, headers=customer.headers), 400, "instances.cannot_rotate")
    refused(
        client.post(f"{running}/credentials/NOTHING/rotate", headers=customer.headers),
        404,
        "instances.no_such_secret",
    )


ROUTES = [
    ("GET", "environment"),
    ("PATCH", "environment"),
    ("POST", "environment/show"),
    ("POST", "environment/revert"),
    ("GET", "credentials"),
    ("POST", "credentials/N8N_ENCRYPTION_KEY/rotate"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_other_peoples_are_not_found(
    client: FlaskClient, running: str, person: Callable[..., Person], method: str, route: str
) -> None:
    body = {"values": {"A": "1"}} if method == "PATCH" else None

    answer = client.open(f"{running}/{route}", method=method, json=body, headers=person().headers)

    refused(answer, 404, "subscriptions.no_such_subscription")
    assert client.open(f"{running}/{route}", method=method, json=body).status_code == 401


@pytest.mark.parametrize("path", ["environment/show", "access"])
def test_a_lost_key_is_said_mildly_and_changes_nothing(
    client: FlaskClient, shop: Shop, ports: PortsNow, running: str, customer: Person, path: str
) -> None:
    id_ = uuid.UUID(running.rpartition("/")[2])
    data_of(_change(client, running, customer, A="1"), 202)
    shop.runs(id_)
    before = shop.look(id_)[1].sealed_secrets
    ours = ports.sealer
    ports.change(sealer=Sealer([Fernet.generate_key().decode()]))

    body = refused(client.post(f"{running}/{path}", headers=customer.headers), 503, "sealed.cannot_be_opened")
    refused(_change(client, running, customer, A="2"), 503, "sealed.cannot_be_opened")

    assert "SEALING_KEYS" not in str(body)
    assert shop.look(id_)[1].sealed_secrets == before
    assert shop.look(id_)[1].status == "RUNNING"
    ports.change(sealer=ours)
    data_of(client.post(f"{running}/{path}", headers=customer.headers))
