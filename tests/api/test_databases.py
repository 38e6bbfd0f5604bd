"""What customers and visitors see of a database: where it is, how one connects, and no secret where none belongs."""

import uuid
from collections.abc import Callable

import pytest
from cryptography import x509
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from minispod.audit.models import AuditEntry
from minispod.instances.models import Instance
from minispod.kernel.database import session
from tests.plugins.app import Person, data_of
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
# The scheme of the connection string, and the generated secrets.
DATABASES = {
    "postgresql": ("postgresql://admin:", ["POSTGRES_PASSWORD"]),
    "mariadb": ("mysql://admin:", ["MARIADB_PASSWORD", "MARIADB_ROOT_PASSWORD"]),
    "redis": ("rediss://:", ["REDIS_PASSWORD"]),
}


def _order(client: FlaskClient, person: Person, plan: uuid.UUID) -> dict[str, object]:
    answer = client.post("/api/subscriptions", json={"planId": str(plan)}, headers=person.headers)
    subscription: dict[str, object] = data_of(answer, 201)["subscription"]
    return subscription


def _row(app: Flask) -> Instance:
    with app.app_context():
        return session().scalars(select(Instance)).one()


def _access(client: FlaskClient, person: Person, subscription: dict[str, object]) -> dict[str, object]:
    answer = client.post(f"/api/subscriptions/{subscription['id']}/access", headers=person.headers)
    data: dict[str, object] = data_of(answer)
    return data


def _page(client: FlaskClient, url: str, language: str = "en") -> str:
    assert url.startswith("http://localhost:5000/")
    answer = client.get(url.removeprefix("http://localhost:5000"), headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("slug", DATABASES)
def test_access_has_connection_strings_for_outside_and_inside(
    client: FlaskClient, app: Flask, customer: Person, plan_id: PlanFinder, slug: str
) -> None:
    scheme, secrets = DATABASES[slug]
    subscription = _order(client, customer, plan_id(slug))

    access = _access(client, customer, subscription)

    row = _row(app)
    connection = access["connection"]
    password = access["values"][secrets[0]]
    assert connection["outside"].startswith(f"{scheme}{password}@{row.host}:{row.tcp_port}/")
    assert f"{password}@{row.name}.{row.namespace}.svc:" in connection["inside"]
    assert x509.load_pem_x509_certificate(connection["certificateAuthority"].encode())
    for part in (row.host, str(row.tcp_port), password, row.public_url):
        assert part in access["text"]
    with app.app_context():
        shown = select(func.count()).where(AuditEntry.action == "instance.credentials_shown")
        assert session().scalar(shown) == 1


@pytest.mark.parametrize("slug", DATABASES)
def test_lists_say_where_it_is_and_show_no_secret(
    client: FlaskClient, app: Flask, customer: Person, plan_id: PlanFinder, slug: str
) -> None:
    subscription = _order(client, customer, plan_id(slug))
    access = _access(client, customer, subscription)

    answer = client.get("/api/subscriptions", headers=customer.headers)

    row = _row(app)
    [listed] = data_of(answer)["subscriptions"]
    [instance] = listed["instances"]
    assert instance["publicUrl"] == row.public_url == f"http://localhost:5000/connect/{row.name}"
    assert instance["sslEnabled"] is True
    connection = instance["connection"]
    assert (connection["host"], connection["port"]) == (row.host, row.tcp_port)
    assert connection["insideHost"] == f"{row.name}.{row.namespace}.svc"
    assert connection["certificateEndsAt"] is not None
    said = answer.get_data(as_text=True)
    assert not [value for value in access["values"].values() if value in said]
    assert "PRIVATE KEY" not in said


def test_what_has_a_web_page_has_no_connection(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    subscription = _order(client, customer, plan_id("ghost-blog"))

    assert subscription["instances"][0]["connection"] is None
    assert _access(client, customer, subscription)["connection"] is None


def test_other_peoples_connection_strings_are_not_found(
    client: FlaskClient, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    subscription = _order(client, customer, plan_id("postgresql"))

    answer = client.post(f"/api/subscriptions/{subscription['id']}/access", headers=person().headers)

    assert answer.status_code == 404


@pytest.mark.parametrize("slug", DATABASES)
@pytest.mark.parametrize(
    ("language", "says"),
    [("en", "This is a database"), ("id-ID,id;q=0.9", "Ini basis data"), ("fr", "This is a")],
)
def test_the_page_at_its_address_says_how_to_connect_and_no_secret(
    client: FlaskClient,
    app: Flask,
    customer: Person,
    plan_id: PlanFinder,
    slug: str,
    language: str,
    says: str,
) -> None:
    subscription = _order(client, customer, plan_id(slug))
    access = _access(client, customer, subscription)
    row = _row(app)

    page = _page(client, row.public_url, language)

    for part in (says, row.host, str(row.tcp_port), "minispod-ca.crt"):
        assert part in page
    assert not [value for value in access["values"].values() if value in page]
    assert customer.email not in page
    assert row.namespace not in page  # it names its owner's account


def test_the_page_hands_out_the_certificate_that_signs(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    assert client.get("/connect/ca.crt").status_code == 404

    subscription = _order(client, customer, plan_id("redis"))
    answer = client.get("/connect/ca.crt")

    access = _access(client, customer, subscription)
    assert answer.get_data(as_text=True) == access["connection"]["certificateAuthority"]
    assert "PRIVATE KEY" not in answer.get_data(as_text=True)
    assert answer.headers["Content-Disposition"].endswith("minispod-ca.crt")


def test_only_databases_that_live_have_a_page(
    client: FlaskClient, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    web = shop.look(shop.order(customer, plan_id("ghost-blog")))[1]
    mine = shop.order(customer, plan_id("redis"))
    name = shop.look(mine)[1].name
    assert client.get(f"/connect/{name}").status_code == 200

    shop.cancel(customer, mine)
    shop.runs(mine)

    for gone in (name, web.name, "no-such-thing", "%00", "x" * 300):
        assert client.get(f"/connect/{gone}").status_code == 404


def test_a_database_that_is_not_exposed_says_so(
    client: FlaskClient, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id("redis"))
    shop.put(mine, tcp_port=None)
    row = shop.look(mine)[1]

    page = _page(client, row.public_url)
    access = data_of(client.post(f"/api/subscriptions/{mine}/access", headers=customer.headers))

    assert "not reachable from the internet" in page
    assert row.namespace not in page
    assert access["connection"]["outside"] is None
    assert f"with TLS at host {row.name}.{row.namespace}.svc, port 6380" in access["text"]


def test_the_mail_says_where_and_how(
    client: FlaskClient, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id("postgresql"))
    shop.runs(mine)

    [message] = [each for each in shop.messages(customer) if each.kind.value == "instance_ready"]
    assert message.facts["url"] == shop.look(mine)[1].public_url
