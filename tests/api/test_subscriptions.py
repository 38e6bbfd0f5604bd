"""Orders over the wire: what is charged, what is refused, what belongs to whom."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from minispod.audit import trail
from minispod.catalog.models import Plan
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.subscriptions.models import Period, Subscription
from minispod.wallet.models import LedgerEntry
from tests.plugins.app import Person, data_of, refused

PlanFinder = Callable[..., uuid.UUID]


def _order(client: FlaskClient, person: Person, plan: object, **headers: str) -> dict[str, object]:
    response = client.post(
        "/api/subscriptions", json={"planId": str(plan)}, headers={**person.headers, **headers}
    )
    return data_of(response, 201)


def test_an_order_takes_money_slot_and_makes_an_instance(
    app: Flask, client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    plan = plan_id()

    data = _order(client, customer, plan)

    subscription = data["subscription"]
    assert (subscription["status"], data["chargeAmount"]) == ("ACTIVE", 50_000)
    assert [each["status"] for each in subscription["instances"]] == ["PENDING"]
    assert subscription["instances"][0]["subdomain"].endswith(".n8n-automation.minispod.localhost")
    with app.app_context():
        row = session().get_one(Plan, plan)
        assert row.used_quota == 1
    wallet = data_of(client.get("/api/wallet/info", headers=customer.headers))["wallet"]
    assert (wallet["creditBalance"], wallet["monthlySpending"]) == (450_000, 50_000)


def test_the_first_charge_is_in_the_history(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    subscription = _order(client, customer, plan_id())["subscription"]

    detail = data_of(client.get(f"/api/subscriptions/{subscription['id']}", headers=customer.headers))

    [charge] = detail["subscription"]["transactions"]
    assert (charge["amount"], charge["status"], charge["type"]) == (50_000, "COMPLETED", "SUBSCRIPTION")
    assert charge["invoiceNumber"].startswith("TXMP-")
    assert detail["subscription"]["billingInfo"]["daysUntilBilling"] == 30


def test_too_little_credit_changes_nothing(
    app: Flask, client: FlaskClient, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    poor = person(credit=49_999)

    body = refused(
        client.post("/api/subscriptions", json={"planId": str(plan_id())}, headers=poor.headers),
        400,
        "wallet.insufficient_credit",
    )

    assert body["data"] == {"currentBalance": 49_999, "requiredAmount": 50_000, "shortfall": 1}
    with app.app_context():
        for model in (Subscription, Instance, Period):
            assert session().scalar(select(func.count()).select_from(model)) == 0
        assert session().get_one(Plan, plan_id()).used_quota == 0


def test_a_sold_out_plan_changes_nothing(
    app: Flask, client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    plan = plan_id()
    with app.app_context():
        row = session().get_one(Plan, plan)
        row.used_quota = row.total_quota
        session().commit()

    refused(
        client.post("/api/subscriptions", json={"planId": str(plan)}, headers=customer.headers),
        409,
        "catalog.plan_sold_out",
    )

    with app.app_context():
        assert session().scalar(select(func.count()).select_from(Subscription)) == 0
        assert session().scalar(select(func.count()).select_from(LedgerEntry)) == 1


def test_a_second_live_subscription_is_refused(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    _order(client, customer, plan_id())

    refused(
        client.post(
            "/api/subscriptions",
            json={"planId": str(plan_id("n8n-automation", "PRO"))},
            headers=customer.headers,
        ),
        409,
        "subscriptions.live_subscription_exists",
    )


def test_the_same_idempotency_key_orders_once(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    first = _order(client, customer, plan_id(), **{"Idempotency-Key": "click-1"})

    again = client.post(
        "/api/subscriptions",
        json={"planId": str(plan_id())},
        headers={**customer.headers, "Idempotency-Key": "click-1"},
    )

    assert data_of(again, 201) == first
    wallet = data_of(client.get("/api/wallet/info", headers=customer.headers))["wallet"]
    assert wallet["creditBalance"] == 450_000


def test_a_free_plan_costs_nothing_and_needs_no_credit(
    client: FlaskClient, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    poor = person()

    data = _order(client, poor, plan_id("ghost-blog", "FREE"))

    assert data["chargeAmount"] == 0
    assert data["subscription"]["status"] == "ACTIVE"


@pytest.mark.parametrize("plan", ["nothing", "0", "x" * 64, "01a1f924-5a58-7060-9877-23734baeb117"])
def test_an_unknown_plan_is_404(client: FlaskClient, customer: Person, catalog: None, plan: str) -> None:
    response = client.post("/api/subscriptions", json={"planId": plan}, headers=customer.headers)

    assert response.status_code == 404, response.get_json()


@pytest.mark.parametrize("body", [{}, {"planId": ""}, {"planId": 7}, {"planId": None}])
def test_a_bad_body_is_400(
    client: FlaskClient, customer: Person, catalog: None, body: dict[str, object]
) -> None:
    refused(client.post("/api/subscriptions", json=body, headers=customer.headers), 400, "request.invalid")


def test_other_peoples_subscriptions_do_not_exist(
    client: FlaskClient, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    mine = _order(client, customer, plan_id())["subscription"]["id"]
    other = person()

    for method, path in (
        ("GET", f"/api/subscriptions/{mine}"),
        ("DELETE", f"/api/subscriptions/{mine}"),
        ("POST", f"/api/subscriptions/{mine}/retry-provisioning"),
        ("POST", f"/api/subscriptions/{mine}/access"),
    ):
        refused(
            client.open(path, method=method, headers=other.headers),
            404,
            "subscriptions.no_such_subscription",
        )
    refused(
        client.put(f"/api/subscriptions/{mine}/auto-renew", json={"autoRenew": False}, headers=other.headers),
        404,
        "subscriptions.no_such_subscription",
    )
    assert data_of(client.get("/api/subscriptions", headers=other.headers))["subscriptions"] == []


def test_malformed_ids_are_404(client: FlaskClient, customer: Person) -> None:
    for bad in ("1", "nothing", "%00", "a" * 300):
        response = client.get(f"/api/subscriptions/{bad}", headers=customer.headers)
        assert response.status_code == 404, response.get_json()


def test_cancelling_what_never_ran_refunds_in_full(
    app: Flask, client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    plan = plan_id()
    mine = _order(client, customer, plan)["subscription"]["id"]

    data = data_of(client.delete(f"/api/subscriptions/{mine}", headers=customer.headers))

    assert (data["refundAmount"], data["subscription"]["status"]) == (50_000, "CANCELLED")
    wallet = data_of(client.get("/api/wallet/info", headers=customer.headers))["wallet"]
    assert (wallet["creditBalance"], wallet["totalSpent"]) == (500_000, 0)
    with app.app_context():
        assert session().get_one(Plan, plan).used_quota == 0
    refused(
        client.delete(f"/api/subscriptions/{mine}", headers=customer.headers),
        400,
        "subscriptions.already_cancelled",
    )


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"reason": " too expensive "}, "too expensive"),
        ({"reason": ""}, None),
        ({"reason": None}, None),
        (None, None),
    ],
)
def test_what_a_customer_says_on_leaving_is_kept(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    plan_id: PlanFinder,
    sent: dict[str, str] | None,
    kept: str | None,
) -> None:
    mine = _order(client, customer, plan_id())["subscription"]["id"]

    data_of(client.delete(f"/api/subscriptions/{mine}", json=sent, headers=customer.headers))

    with app.app_context():
        [line] = trail.search(PageRequest(1, 5), subject_id=mine, action="subscription.cancelled").items
        assert (line.details["reason"], line.details.get("why")) == ("customer", kept)


@pytest.mark.parametrize("reason", ["no", "x" * 501, 7])
def test_a_reason_is_of_a_bounded_length(
    client: FlaskClient, customer: Person, plan_id: PlanFinder, reason: object
) -> None:
    mine = _order(client, customer, plan_id())["subscription"]["id"]

    answer = client.delete(f"/api/subscriptions/{mine}", json={"reason": reason}, headers=customer.headers)

    assert "reason" in refused(answer, 400, "request.invalid")["errors"]
    shown = data_of(client.get(f"/api/subscriptions/{mine}", headers=customer.headers))
    assert shown["subscription"]["status"] == "ACTIVE"


def test_access_shows_the_generated_secret_to_its_owner(
    client: FlaskClient, customer: Person, plan_id: PlanFinder
) -> None:
    mine = _order(client, customer, plan_id("postgresql", "BASIC"))["subscription"]

    access = data_of(client.post(f"/api/subscriptions/{mine['id']}/access", headers=customer.headers))

    assert len(access["values"]["POSTGRES_PASSWORD"]) >= 16
    assert access["values"]["POSTGRES_PASSWORD"] in access["text"]
    assert access["values"]["POSTGRES_PASSWORD"] not in str(mine)
