"""What the existing front end stumbles over, by the contract's [FE trap] marks: one test per trap."""

import json
import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.catalog.models import Category
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.settings import Settings
from tests.factories.payments import put_topup
from tests.plugins.app import PASSWORD, Person, data_of, refused

PlanFinder = Callable[..., uuid.UUID]
ROOTS = (
    "/api/auth/profile",
    "/api/user/profile",
    "/api/catalog/services",
    "/api/catalog/categories",
    "/api/catalog/featured",
    "/api/catalog/search",
    "/api/wallet/info",
    "/api/wallet/transactions",
    "/api/wallet/payment-methods",
    "/api/subscriptions",
)


def order(client: FlaskClient, person: Person, plan: uuid.UUID) -> str:
    response = client.post("/api/subscriptions", json={"planId": str(plan)}, headers=person.headers)
    return str(data_of(response, 201)["subscription"]["id"])


@pytest.mark.parametrize("path", ROOTS)
def test_slashes_never_redirect(client: FlaskClient, customer: Person, catalog: None, path: str) -> None:
    plain = client.get(path, headers=customer.headers)

    for other in (f"{path}/", path.replace("/api/", "/api//"), path.replace("/api/", "/api/v1/")):
        response = client.get(other, headers=customer.headers)
        assert response.status_code == 200, other
        assert response.get_json()["data"] == plain.get_json()["data"]


def test_an_empty_body_announced_as_json_is_an_empty_object(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    mine = order(client, customer, plan_id())
    announced = {**customer.headers, "Content-Type": "application/json"}

    for path in (*ROOTS, f"/api/subscriptions/{mine}"):
        assert client.get(path, headers=announced).status_code == 200, path
    refused(
        client.post(f"/api/subscriptions/{mine}/retry-provisioning", headers=announced),
        409,
        "instances.provisioning_runs",
    )
    body = refused(client.post("/api/subscriptions", headers=announced), 400, "request.invalid")
    assert list(body["errors"]) == ["planId"]
    data_of(client.post("/api/auth/logout", headers=announced))


def test_a_form_is_read_like_json(client: FlaskClient, customer: Person) -> None:
    data_of(client.post("/api/auth/login", data={"email": customer.email, "password": PASSWORD}))


def test_a_body_on_delete_is_read_without_complaint(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    mine = order(client, customer, plan_id())

    data_of(
        client.delete(f"/api/subscriptions/{mine}", json={"reason": "too dear"}, headers=customer.headers)
    )


def test_number_of_pages_is_beside_the_transactions(
    app: Flask, client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    with app.app_context():
        for _ in range(11):
            put_topup(customer.id, at=clock.now())

    data = data_of(client.get("/api/wallet/transactions?page=2&limit=10", headers=customer.headers))

    assert data["totalPages"] == data["pagination"]["totalPages"] == 2
    assert len(data["transactions"]) == 2


def test_without_paging_everything_is_listed(
    app: Flask, client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    with app.app_context():
        for _ in range(60):
            put_topup(customer.id, at=clock.now())

    data = data_of(client.get("/api/wallet/transactions", headers=customer.headers))

    assert len(data["transactions"]) == 61


def test_a_subscription_always_has_an_instance(
    client: FlaskClient,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Callable[..., datetime],
    headers_now: Callable[[Person], dict[str, str]],
) -> None:
    owner = person(credit=60_000)
    order(client, owner, plan_id())

    def listed() -> tuple[str, int]:
        data = data_of(client.get("/api/subscriptions", headers=headers_now(owner)))
        [subscription] = data["subscriptions"]
        assert subscription["instances"][0]["status"]
        return subscription["status"], len(subscription["instances"])

    states = [listed()]
    for days in (31, 8):
        advance(days=days)
        states.append(listed())

    assert states == [("ACTIVE", 1), ("ACTIVE", 1), ("EXPIRED", 1)]


def test_an_access_token_lives_a_day_or_longer(settings: Settings) -> None:
    assert settings.tokens.jwt_expires_hours >= 24


@pytest.mark.parametrize(("field", "value"), [("name", ""), ("phone", None), ("avatar", "")])
def test_blanks_in_forms_are_no_mistakes(
    client: FlaskClient, customer: Person, field: str, value: object
) -> None:
    body = {"name": "Siti", "phone": "", "avatar": "", field: value, "unknown": {"key": 1}}

    user = data_of(client.put("/api/user/profile", json=body, headers=customer.headers))["user"]

    assert user["name"] == ("Siti" if body["name"] else "Siti Rahma")
    assert (user["phone"], user["avatar"]) == (None, None)


def test_administrators_see_empty_categories_too(
    app: Flask,
    client: FlaskClient,
    catalog: None,
    customer: Person,
    administrator: Person,
    clock: FrozenClock,
) -> None:
    at = clock.now()
    with app.app_context():
        session().add(Category(id=new_id(), slug="new", name="New", created_at=at, updated_at=at))
        session().commit()

    def slugs(headers: dict[str, str]) -> set[str]:
        return {each["slug"] for each in data_of(client.get("/api//catalog/categories", headers=headers))}

    assert slugs(administrator.headers) - slugs(customer.headers) == {"new"}
    assert slugs({}) == slugs({"Authorization": "Bearer stale.or.broken"}) == slugs(customer.headers)


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/wallet/webhook/midtrans"])
def test_a_body_that_is_too_large_is_refused_in_the_envelope(client: FlaskClient, path: str) -> None:
    body = json.dumps({"email": "x" * 2_000_000})

    refused(client.post(path, data=body, content_type="application/json"), 413, "request.too_large")
