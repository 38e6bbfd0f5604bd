"""Wallet administration over HTTP: outcomes of bulk corrections, second confirmations, lists, and who may."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.kernel.actor import Role
from tests.plugins.app import PASSWORD, Person, data_of, refused
from tests.plugins.shop import Shop

ROOT = "/api/v1/admin/wallets"
REASON = "Goodwill after the outage"
LARGE = 5_000_000


@pytest.fixture
def second(person: Callable[..., Person], administrator: Person) -> Person:
    return person(role=Role.ADMINISTRATOR, name="Budi Admin")


def _add(client: FlaskClient, staff: Person, owner: Person, amount: int, key: str | None = None) -> Any:
    headers = {**staff.headers, **({"Idempotency-Key": key} if key else {})}
    body = {"amount": amount, "reason": REASON}
    return client.post(f"{ROOT}/users/{owner.id}/add-credit", json=body, headers=headers)


def test_a_large_correction_waits_until_another_administrator_approves(
    client: FlaskClient, administrator: Person, second: Person, customer: Person, shop: Shop
) -> None:
    waits = data_of(_add(client, administrator, customer, LARGE), 202)
    adjustment = waits["adjustment"]
    assert (adjustment["status"], adjustment["change"]) == ("PENDING", LARGE)
    assert adjustment["expiresAt"] == "2026-11-23T03:00:00.000Z"
    assert "transaction" not in waits
    assert shop.balance(customer) == 500_000
    path = f"{ROOT}/adjustments/{adjustment['id']}"

    mine = client.post(f"{path}/approve", json={"password": PASSWORD}, headers=administrator.headers)
    refused(mine, 403, "wallet.second_person_needed")
    approved = data_of(client.post(f"{path}/approve", headers=second.headers))["adjustment"]

    assert (approved["status"], approved["requestedBy"], approved["decidedBy"]) == (
        "APPLIED",
        "Ayu Admin",
        "Budi Admin",
    )
    assert approved["customId"].startswith("TXMP-")
    assert shop.balance(customer) == 500_000 + LARGE
    for act in ("approve", "decline"):
        refused(client.post(f"{path}/{act}", headers=second.headers), 409, "lifecycle.impossible_change")


def test_the_only_administrator_gives_the_password(
    client: FlaskClient, administrator: Person, customer: Person, shop: Shop
) -> None:
    adjustment = data_of(_add(client, administrator, customer, LARGE), 202)["adjustment"]
    path = f"{ROOT}/adjustments/{adjustment['id']}/approve"

    refused(client.post(path, headers=administrator.headers), 403, "wallet.password_needed")
    wrong = client.post(path, json={"password": "wrong"}, headers=administrator.headers)
    refused(wrong, 403, "wallet.password_needed")
    right = client.post(path, json={"password": PASSWORD}, headers=administrator.headers)

    assert data_of(right)["adjustment"]["status"] == "APPLIED"
    assert shop.balance(customer) == 500_000 + LARGE


def test_a_declined_correction_moves_nothing(
    client: FlaskClient, administrator: Person, customer: Person, shop: Shop
) -> None:
    adjustment = data_of(_add(client, administrator, customer, LARGE), 202)["adjustment"]

    answer = client.post(f"{ROOT}/adjustments/{adjustment['id']}/decline", headers=administrator.headers)

    assert data_of(answer)["adjustment"]["status"] == "DECLINED"
    assert shop.balance(customer) == 500_000


def test_the_same_key_is_the_same_correction(
    client: FlaskClient, administrator: Person, customer: Person, shop: Shop
) -> None:
    first = data_of(_add(client, administrator, customer, 25_000, "abc"))
    again = data_of(_add(client, administrator, customer, 25_000, "abc"))

    assert first["transaction"]["id"] == again["transaction"]["id"]
    assert again["user"]["newBalance"] == 525_000
    assert shop.balance(customer) == 525_000
    refused(_add(client, administrator, customer, 30_000, "abc"), 409, "wallet.adjustment_key_reused")


def test_a_deduction_below_zero_only_when_asked_for_and_then_it_is_owed(
    client: FlaskClient, administrator: Person, customer: Person, shop: Shop
) -> None:
    path = f"{ROOT}/users/{customer.id}/deduct-credit"
    body = {"amount": 600_000, "reason": REASON}

    refused(client.post(path, json=body, headers=administrator.headers), 400, "wallet.insufficient_credit")
    body["allowNegative"] = True  # type: ignore[assignment]
    done = data_of(client.post(path, json=body, headers=administrator.headers))

    assert (done["user"]["newBalance"], done["user"]["gatewayDebt"]) == (-100_000, 100_000)
    assert shop.balance(customer) == -100_000


def test_each_of_many_has_an_outcome_of_its_own(
    client: FlaskClient, administrator: Person, person: Callable[..., Person], shop: Shop
) -> None:
    rich, poor, third = person(credit=100_000), person(credit=1_000), person(credit=1_000)
    nobody = str(uuid.uuid4())
    items = [
        {"userId": str(rich.id), "type": "DEDUCT", "amount": 60_000},
        {"userId": str(poor.id), "type": "DEDUCT", "amount": 60_000},
        {"userId": nobody, "type": "ADD", "amount": 5_000},
        {"userId": "no id at all", "type": "ADD", "amount": 5_000},
        {"userId": str(third.id), "type": "ADD", "amount": LARGE},
        {"userId": str(third.id), "type": "ADD", "amount": 500},
        {"userId": str(rich.id), "type": "DEDUCT", "amount": 60_000},
        {"userId": str(poor.id), "type": "DEDUCT", "amount": 5_000, "allowNegative": True},
    ]
    body = {"adjustments": items, "reason": REASON}
    headers = {**administrator.headers, "Idempotency-Key": "bulk-1"}

    first = data_of(client.post(f"{ROOT}/bulk-adjustment", json=body, headers=headers))
    again = data_of(client.post(f"{ROOT}/bulk-adjustment", json=body, headers=headers))

    results = first["results"]
    assert [each["userId"] for each in results] == [item["userId"] for item in items]
    assert [each.get("status", each.get("code")) for each in results] == [
        "APPLIED",
        "wallet.insufficient_credit",
        "wallet.no_such_wallet",
        "not_found",
        "PENDING",
        "wallet.adjustment_too_small",
        "wallet.insufficient_credit",
        "APPLIED",
    ]
    assert first["summary"] == {"total": 8, "successful": 3, "failed": 5, "pending": 1}
    assert [_without_words(each) for each in again["results"]] == [_without_words(each) for each in results]
    assert [shop.balance(each) for each in (rich, poor, third)] == [40_000, -4_000, 1_000]


def _without_words(result: dict[str, Any]) -> dict[str, Any]:
    """The sentence of a refusal tells the balance of the moment."""
    return {name: value for name, value in result.items() if name != "error"}


@pytest.mark.parametrize(
    "change",
    [
        {"adjustments": []},
        {"adjustments": [{"userId": "x", "type": "ADD", "amount": 1_000}] * 101},
        {"adjustments": [{"userId": "x", "type": "GIVE", "amount": 1_000}]},
        {"adjustments": [{"userId": "x", "type": "ADD", "amount": 1.5}]},
        {"reason": None},
    ],
)
def test_a_malformed_bulk_does_nothing(
    client: FlaskClient, administrator: Person, change: dict[str, Any]
) -> None:
    body = {
        "adjustments": [{"userId": "x", "type": "ADD", "amount": 1_000}],
        "reason": REASON,
        **change,
    }

    answer = client.post(f"{ROOT}/bulk-adjustment", json=body, headers=administrator.headers)

    refused(answer, 400, "request.invalid")


def test_wallets_are_sorted_searched_and_bounded(
    client: FlaskClient, administrator: Person, person: Callable[..., Person]
) -> None:
    for number in (3, 1, 2):
        person(credit=number * 10_000, name=f"Wati {number}")

    def names(**query: object) -> list[str]:
        answer = client.get(f"{ROOT}/overview", query_string=query, headers=administrator.headers)
        return [each["name"] for each in data_of(answer)["walletOverview"]["users"]]

    assert names(search="wati", sortBy="creditBalance", sortOrder="asc") == ["Wati 1", "Wati 2", "Wati 3"]
    assert names(sortBy="totalTopUp", minBalance=15_000) == ["Wati 3", "Wati 2"]
    assert names(search="wati", maxBalance=15_000) == ["Wati 1"]
    assert names(sortBy="creditBalance", page=2, limit=2) == ["Wati 1", "Ayu Admin"]
    odd = client.get(f"{ROOT}/overview?sortBy=password", headers=administrator.headers)
    refused(odd, 400, "request.invalid")


def test_adjustments_are_listed_by_state_and_customer(
    client: FlaskClient, administrator: Person, customer: Person, person: Callable[..., Person]
) -> None:
    other = person(credit=1_000)
    _add(client, administrator, customer, LARGE)
    _add(client, administrator, customer, 5_000)
    _add(client, administrator, other, 5_000)

    def changes(**query: object) -> list[int]:
        answer = client.get(f"{ROOT}/adjustments", query_string=query, headers=administrator.headers)
        return sorted(each["change"] for each in data_of(answer)["adjustments"])

    assert changes() == [5_000, 5_000, LARGE]
    assert changes(status="PENDING") == [LARGE]
    assert changes(userId=str(other.id)) == [5_000]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "statistics"),
        ("GET", "overview"),
        ("GET", "users/{id}"),
        ("POST", "users/{id}/add-credit"),
        ("POST", "users/{id}/deduct-credit"),
        ("POST", "bulk-adjustment"),
        ("GET", "adjustments"),
        ("POST", "adjustments/{id}/approve"),
        ("POST", "adjustments/{id}/decline"),
    ],
)
def test_only_administrators_may(
    client: FlaskClient, customer: Person, shop: Shop, method: str, path: str
) -> None:
    address = f"{ROOT}/{path.format(id=customer.id)}"
    body = {"amount": 5_000, "reason": REASON} if method == "POST" else None

    refused(
        client.open(address, method=method, json=body, headers=customer.headers), 403, "accounts.staff_only"
    )
    refused(client.open(address, method=method, json=body), 401, "unauthenticated")
    assert shop.balance(customer) == 500_000
