"""What an order would meet is what it meets: each hindrance is foreseen, and then found by the order itself."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.accounts.models import User
from minispod.catalog.models import Plan
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet.models import Wallet
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


def check(client: FlaskClient, who: Person, plan: object) -> Any:
    return client.post("/api/subscriptions/validate", json={"planId": str(plan)}, headers=who.headers)


def order(client: FlaskClient, who: Person, plan: object) -> Any:
    return client.post("/api/subscriptions", json={"planId": str(plan)}, headers=who.headers)


def change(app: Flask, kind: type[Any], id_: uuid.UUID, **values: object) -> None:
    with app.app_context(), unit_of_work():
        row = session().get_one(kind, id_)
        for name, value in values.items():
            setattr(row, name, value)


def hindered(client: FlaskClient, who: Person, plan: object, code: str, order_code: str) -> dict[str, Any]:
    """The facts of a check that fails, after the order has failed for the same reason."""
    body = refused(check(client, who, plan), 400, "subscriptions.order_hindered")
    facts: dict[str, Any] = body["data"]["validation"]
    assert (facts["isValid"], facts["code"], bool(facts["error"])) == (False, code, True)
    assert order(client, who, plan).get_json()["code"] == order_code
    return facts


def test_a_check_that_passes_changes_nothing_and_the_order_is_taken(
    client: FlaskClient, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    plan = plan_id()

    data = data_of(check(client, customer, plan))["validation"]

    assert data["quotaInfo"]["availableQuota"] > 0
    assert (shop.balance(customer), shop.used(plan)) == (500_000, 0)
    data_of(order(client, customer, plan), 201)


def test_each_hindrance_is_foreseen(
    client: FlaskClient, app: Flask, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    basic, pro = plan_id(), plan_id("n8n-automation", "PRO")
    who = person(credit=60_000)

    short = hindered(client, who, pro, "INSUFFICIENT_CREDIT", "wallet.insufficient_credit")
    assert (short["requiredAmount"], short["shortfall"]) == (150_000, 90_000)
    for nobodys in (uuid.uuid4(), "no-id"):
        body = refused(check(client, who, nobodys), 400, "subscriptions.order_hindered")
        assert body["data"]["validation"]["code"] == "PLAN_NOT_AVAILABLE"
    mine = data_of(order(client, who, basic), 201)["subscription"]["id"]
    twice = hindered(client, who, basic, "DUPLICATE_SUBSCRIPTION", "subscriptions.live_subscription_exists")
    assert twice["existingSubscriptionId"] == mine
    rich = person(credit=200_000)
    change(app, Plan, pro, total_quota=1, used_quota=1)
    full = hindered(client, rich, pro, "QUOTA_EXCEEDED", "catalog.plan_sold_out")
    assert (full["quotaInfo"]["isAvailable"], full["quotaInfo"]["canAllocate"]) == (False, False)
    change(app, Plan, basic, is_active=False)
    hindered(client, rich, basic, "PLAN_NOT_AVAILABLE", "catalog.no_such_plan")


def test_debt_and_too_many_free_plans_are_foreseen(
    client: FlaskClient, app: Flask, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    who = person()
    for slug in ("postgresql", "wordpress"):
        change(app, Plan, plan_id(slug), monthly_price=0)
    for free in (plan_id("n8n-automation", "FREE"), plan_id("ghost-blog", "FREE"), plan_id("postgresql")):
        data_of(order(client, who, free), 201)
    free = plan_id("wordpress")

    hindered(client, who, free, "TOO_MANY_FREE_PLANS", "subscriptions.too_many_free_plans")
    debtor = person()
    change(app, Wallet, debtor.id, balance=-5, gateway_debt=5)
    owed = hindered(client, debtor, free, "WALLET_IN_DEBT", "wallet.in_debt")
    assert (owed["currentBalance"], owed["shortfall"]) == (-5, 5)


def test_an_address_that_is_not_proven_is_foreseen_for_free_plans_of_customers_only(
    client: FlaskClient,
    app: Flask,
    person: Callable[..., Person],
    administrator: Person,
    plan_id: PlanFinder,
) -> None:
    who, free = person(credit=60_000), plan_id("n8n-automation", "FREE")
    for each in (who, administrator):
        change(app, User, each.id, email_verified=False)

    data_of(check(client, who, plan_id()))
    data_of(check(client, administrator, free))
    hindered(client, who, free, "EMAIL_NOT_PROVEN", "subscriptions.email_not_proven")


def test_nobody_checks_without_signing_in(client: FlaskClient) -> None:
    assert client.post("/api/subscriptions/validate", json={"planId": "x"}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"planId": ""}, {"planId": None}, {"planId": 7}])
def test_a_check_of_nothing_is_invalid(
    client: FlaskClient, customer: Person, body: dict[str, object]
) -> None:
    answer = client.post("/api/subscriptions/validate", json=body, headers=customer.headers)

    assert "planId" in refused(answer, 400, "request.invalid")["errors"]
