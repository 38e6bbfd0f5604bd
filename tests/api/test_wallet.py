"""The wallet's figures and the statement over HTTP."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.states import TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.factories.payments import TESTER, put_topup
from tests.plugins.app import Person, data_of, refused


@pytest.fixture
def listed(client: FlaskClient, customer: Person) -> Callable[..., dict[str, Any]]:
    def get(**query: Any) -> dict[str, Any]:
        answer = client.get("/api/wallet/transactions", query_string=query, headers=customer.headers)
        data: dict[str, Any] = data_of(answer)
        return data

    return get


def charge(app: Flask, customer: Person, amount: int, clock: FrozenClock) -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, f"charge {clock.now()}", "A month")
    with app.app_context(), unit_of_work():
        ledger.debit(customer.id, amount, posting, actor=TESTER, at=clock.now())


def test_wallet_shows_the_figures_the_front_end_reads(
    app: Flask, client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    charge(app, customer, 60_000, clock)
    with app.app_context():
        put_topup(customer.id, at=clock.now())

    wallet = data_of(client.get("/api/wallet/info", headers=customer.headers))["wallet"]

    recent = wallet.pop("recentTransactions")
    assert wallet == {
        "userId": str(customer.id),
        "userName": "Siti Rahma",
        "email": customer.email,
        "creditBalance": 440_000,
        "totalTopUp": 500_000,
        "totalSpent": 60_000,
        "monthlySpending": 60_000,
        "netBalance": 440_000,
        "gatewayDebt": 0,
        "memberSince": "2026-11-20T03:00:00.000Z",
    }
    assert [line["status"] for line in recent] == ["PENDING", "COMPLETED", "COMPLETED"]
    assert set(recent[0]) == {"id", "type", "status", "amount", "description", "createdAt", "completedAt"}


def test_monthly_spending_begins_with_the_month_in_jakarta(
    app: Flask, client: FlaskClient, person: Callable[..., Person], clock: FrozenClock
) -> None:
    clock.set(clock.now().replace(month=11, day=30, hour=16, minute=59))
    customer = person(credit=500_000)
    charge(app, customer, 10_000, clock)
    clock.advance(minutes=2)  # 1 December in Jakarta
    charge(app, customer, 20_000, clock)

    wallet = data_of(client.get("/api/wallet/info", headers=customer.headers))["wallet"]

    assert (wallet["monthlySpending"], wallet["totalSpent"]) == (20_000, 30_000)


def test_statement_is_one_list_of_ledger_and_open_topups_newest_first(
    app: Flask, customer: Person, clock: FrozenClock, listed: Callable[..., dict[str, Any]]
) -> None:
    with app.app_context():
        for state in (TopUpState.PAID, TopUpState.FAILED, TopUpState.PENDING, TopUpState.REFUNDED):
            clock.advance(minutes=1)
            put_topup(customer.id, at=clock.now(), state=state)

    lines = listed()["transactions"]

    assert [(line["type"], line["status"]) for line in lines] == [
        ("REFUND", "COMPLETED"),
        ("TOP_UP", "REFUNDED"),
        ("TOP_UP", "PENDING"),
        ("TOP_UP", "FAILED"),
        ("TOP_UP", "COMPLETED"),
        ("ADMIN_ADJUSTMENT", "COMPLETED"),
    ]
    assert len({line["id"] for line in lines}) == 6
    assert all(line["amount"] > 0 for line in lines)


def test_line_has_every_key_of_the_contract(
    app: Flask, customer: Person, clock: FrozenClock, listed: Callable[..., dict[str, Any]]
) -> None:
    with app.app_context():
        topup = put_topup(
            customer.id, at=clock.now(), snap_token="token-1", redirect_url="https://pay.example/1"
        )

    line = listed()["transactions"][0]

    assert line == {
        "id": str(topup.id),
        "customId": f"TXMP-{topup.number}",
        "userId": str(customer.id),
        "type": "TOP_UP",
        "status": "PENDING",
        "amount": 100_000,
        "balanceBefore": 0,
        "balanceAfter": 0,
        "paymentMethod": "MIDTRANS_QRIS",
        "paymentReference": topup.order_id,
        "paymentProof": None,
        "subscriptionId": None,
        "description": "Top-up credit via QRIS",
        "metadata": {
            "payment_method": "QRIS",
            "expiry_time": "2026-11-20 11:00:00 +0700",
            "midtrans_token": "token-1",
            "midtrans_redirect_url": "https://pay.example/1",
        },
        "processedBy": None,
        "adminNotes": None,
        "createdAt": "2026-11-20T03:00:00.000Z",
        "updatedAt": "2026-11-20T03:00:00.000Z",
        "completedAt": None,
        "subscription": None,
        "invoiceId": None,
        "invoiceNumber": None,
    }


@pytest.mark.parametrize("state", sorted(set(TopUpState) - {TopUpState.PENDING}))
def test_pay_button_is_offered_for_pending_topups_only(
    state: TopUpState,
    app: Flask,
    customer: Person,
    clock: FrozenClock,
    listed: Callable[..., dict[str, Any]],
) -> None:
    with app.app_context():
        taken = 1_000 if state is TopUpState.PARTIALLY_REFUNDED else None
        put_topup(customer.id, at=clock.now(), state=state, snap_token="token-1", taken_back=taken)

    assert all("midtrans_token" not in line["metadata"] for line in listed()["transactions"])


def test_pages_are_counted_at_both_places(
    app: Flask, customer: Person, clock: FrozenClock, listed: Callable[..., dict[str, Any]]
) -> None:
    with app.app_context():
        for _ in range(11):
            put_topup(customer.id, at=clock.now(), state=TopUpState.FAILED)

    first, last, beyond = (listed(page=page, limit=5) for page in (1, 3, 4))

    assert first["totalPages"] == first["pagination"]["totalPages"] == 3
    assert [len(page["transactions"]) for page in (first, last, beyond)] == [5, 2, 0]
    assert (first["pagination"]["totalCount"], first["pagination"]["hasMore"]) == (12, True)
    assert last["pagination"]["hasMore"] is False
    assert len(listed()["transactions"]) == 12


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"type": "TOP_UP"}, 4),
        ({"type": "REFUND"}, 1),
        ({"type": "COUPON_REDEMPTION"}, 0),
        ({"status": "PENDING"}, 1),
        ({"status": "COMPLETED"}, 3),
        ({"status": "REFUNDED"}, 1),
        ({"status": "FAILED", "type": "TOP_UP"}, 1),
        ({"status": "FAILED", "type": "REFUND"}, 0),
        ({"startDate": "2026-11-17", "endDate": "2026-11-17"}, 1),
        ({"startDate": "2026-11-17T00:00:00Z"}, 5),
        ({"endDate": "2026-11-16T10:00:00+07:00"}, 1),
        ({"startDate": "", "endDate": ""}, 6),
    ],
)
def test_statement_can_be_filtered(
    query: dict[str, str],
    expected: int,
    app: Flask,
    customer: Person,
    clock: FrozenClock,
    listed: Callable[..., dict[str, Any]],
) -> None:
    with app.app_context():
        for ago, state in ((4, "PAID"), (3, "FAILED"), (2, "PENDING"), (1, "REFUNDED")):
            put_topup(customer.id, at=clock.now() - timedelta(days=ago), state=TopUpState(state))

    found = listed(**query)

    assert len(found["transactions"]) == found["pagination"]["total"] == expected


@pytest.mark.parametrize(
    "query",
    [
        {"type": "NOPE"},
        {"status": "DONE"},
        {"limit": 1000},
        {"page": 0},
        {"startDate": "yesterday"},
        {"endDate": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_odd_queries_are_refused(query: dict[str, Any], client: FlaskClient, customer: Person) -> None:
    answer = client.get("/api/wallet/transactions", query_string=query, headers=customer.headers)

    refused(answer, 400, "request.invalid")


def test_charge_names_what_was_bought(
    client: FlaskClient,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    listed: Callable[..., dict[str, Any]],
) -> None:
    body = {"planId": str(plan_id())}
    ordered = client.post("/api/subscriptions", json=body, headers=customer.headers)
    assert ordered.status_code == 201, ordered.get_json()

    line = listed(type="SUBSCRIPTION")["transactions"][0]

    assert line["subscription"]["id"] == line["subscriptionId"]
    assert line["subscription"]["service"]["slug"] == "n8n-automation"
    assert line["subscription"]["plan"]["planType"] == "BASIC"


def test_nobody_sees_another_customers_lines(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    person: Callable[..., Person],
    clock: FrozenClock,
    listed: Callable[..., dict[str, Any]],
) -> None:
    stranger, staff = person(), person(role=Role.ADMINISTRATOR)
    with app.app_context():
        theirs = put_topup(stranger.id, at=clock.now())
    path = f"/api/wallet/transactions/{theirs.id}"

    assert [line["type"] for line in listed()["transactions"]] == ["ADMIN_ADJUSTMENT"]
    refused(client.get(path, headers=customer.headers), 404, "payments.no_such_transaction")
    assert client.get(path, headers=stranger.headers).status_code == 200
    assert client.get(path, headers=staff.headers).status_code == 200


def test_payment_methods_are_the_four_of_the_contract(client: FlaskClient, customer: Person) -> None:
    methods = data_of(client.get("/api/wallet/payment-methods", headers=customer.headers))["paymentMethods"]

    assert [method["type"] for method in methods] == ["BANK_TRANSFER", "E_WALLET", "CREDIT_CARD", "QRIS"]
    assert set(methods[0]) == {"type", "name", "description", "icon", "processingTime"}


@pytest.mark.parametrize("path", ["info", "transactions", "payment-methods", "transactions/x/status"])
def test_visitors_see_nothing(path: str, client: FlaskClient) -> None:
    refused(client.get(f"/api/wallet/{path}"), 401, "unauthenticated")
