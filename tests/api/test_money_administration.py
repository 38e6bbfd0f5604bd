"""Transactions, top-ups and refunds of all customers over HTTP: filters, search, order, pages, files, and who may."""

import csv
import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.insights import money_exports, windows
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.payments.states import TopUpState
from minispod.subscriptions.models import Subscription
from tests.factories.payments import put_topup
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Look = Callable[..., Any]
LISTS = ("transactions", "topups", "refunds")


@pytest.fixture
def busy(
    shop: Shop,
    administrator: Person,
    customer: Person,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    clock: FrozenClock,
) -> Person:
    """Somebody who ordered, got a part back, paid a top-up and left another; and somebody else, who topped up."""
    mine = shop.order(customer, plan_id())
    shop.refund(administrator, mine, 10_000)
    other = person(name="Budi Lain", email="budi@elsewhere.example")
    clock.advance(hours=1)
    with shop.app.app_context():
        put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, amount=75_000, order_id="TOPUP-ONE")
        put_topup(customer.id, at=clock.now(), state=TopUpState.EXPIRED, amount=30_000, order_id="TOPUP-TWO")
        put_topup(
            other.id,
            at=clock.now(),
            state=TopUpState.REFUNDED,
            amount=20_000,
            order_id="TOPUP-THREE",
            paid_by="tx-3",
        )
    return customer


@pytest.fixture
def look(client: FlaskClient, administrator: Person) -> Look:
    def ask(path: str, **query: object) -> Any:
        return data_of(client.get(f"/api/admin/{path}", query_string=query, headers=administrator.headers))

    return ask


def _seen(found: Any) -> list[tuple[str, str, int]]:
    return [(each["type"], each["status"], each["amount"]) for each in found["transactions"]]


def test_all_transactions_are_listed_newest_first(busy: Person, look: Look) -> None:
    found = look("transactions")

    assert _seen(found) == [
        ("REFUND", "COMPLETED", 20_000),
        ("TOP_UP", "REFUNDED", 20_000),
        ("TOP_UP", "FAILED", 30_000),
        ("TOP_UP", "COMPLETED", 75_000),
        ("REFUND", "COMPLETED", 10_000),
        ("SUBSCRIPTION", "COMPLETED", 50_000),
        ("ADMIN_ADJUSTMENT", "COMPLETED", 500_000),
    ]
    page = found["pagination"]
    assert (page["totalCount"], page["totalIsExact"], page["nextCursor"]) == (7, True, None)
    assert found["transactions"][0]["user"]["name"] == "Budi Lain"
    one = look(f"transactions/{found['transactions'][5]['id']}")["transaction"]
    assert one == found["transactions"][5]
    assert one["subscription"]["service"]["slug"] == "n8n-automation"


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"type": "TOP_UP"}, 3),
        ({"type": "SUBSCRIPTION"}, 1),
        ({"status": "COMPLETED"}, 5),
        ({"status": "FAILED"}, 1),
        ({"status": "REFUNDED"}, 1),
        ({"status": "PENDING"}, 0),
        ({"status": "FAILED", "type": "REFUND"}, 0),
        ({"search": "budi LAIN"}, 2),
        ({"search": "elsewhere"}, 2),
        ({"search": "TOPUP-TWO"}, 1),
        ({"search": "TXMP-101"}, 1),
        ({"search": "102"}, 1),
        ({"search": "nobody of this name"}, 0),
        ({"search": "%"}, 0),
        ({"startDate": "2026-11-21"}, 0),
        ({"endDate": "2026-11-20"}, 7),
        ({"startDate": "2026-11-20T03:30:00Z"}, 4),
        ({"endDate": "2026-11-20T03:30:00.000Z"}, 3),
        ({"search": str(uuid.uuid4())}, 0),
    ],
)
def test_transactions_are_filtered_and_searched(
    busy: Person, look: Look, query: dict[str, str], number: int
) -> None:
    found = look("transactions", **query)

    assert (len(found["transactions"]), found["pagination"]["totalCount"]) == (number, number)


def test_transactions_of_one_customer_and_of_one_subscription(busy: Person, look: Look, app: Flask) -> None:
    with app.app_context():
        mine = session().scalars(select(Subscription.id)).one()

    assert len(look("transactions", userId=busy.id)["transactions"]) == 5
    assert {each[0] for each in _seen(look("transactions", search=mine))} == {"SUBSCRIPTION", "REFUND"}
    assert len(look("transactions", search=busy.id)["transactions"]) == 5


def test_transactions_are_sorted_by_amount(busy: Person, look: Look) -> None:
    found = look("transactions", sortBy="amount", sortOrder="asc", limit=3)

    assert [each["amount"] for each in found["transactions"]] == [10_000, 20_000, 20_000]
    assert look("transactions", sortBy="amount")["transactions"][0]["amount"] == 500_000


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("name", LISTS)
def test_pages_and_cursors_reach_every_row_once(busy: Person, look: Look, name: str, order: str) -> None:
    whole = [each["id"] for each in look(name, sortOrder=order)[name]]
    by_page = []
    for number in range(1, len(whole) + 1):
        by_page += [each["id"] for each in look(name, limit=1, page=number, sortOrder=order)[name]]
    by_cursor, cursor = [], None
    while True:
        found = look(name, limit=1, sortOrder=order, **({} if cursor is None else {"cursor": cursor}))
        by_cursor += [each["id"] for each in found[name]]
        if (cursor := found["pagination"]["nextCursor"]) is None:
            break

    assert whole
    assert by_page == by_cursor == whole


def test_beyond_the_window_goes_the_cursor(
    busy: Person, look: Look, client: FlaskClient, administrator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", 4)

    found = look("transactions", limit=2, page=2)

    page = found["pagination"]
    assert (page["totalCount"], page["totalIsExact"], page["totalPages"]) == (4, False, 2)
    rest = look("transactions", limit=4, cursor=page["nextCursor"])
    assert len(rest["transactions"]) == 3
    beyond = client.get("/api/admin/transactions?limit=2&page=3", headers=administrator.headers)
    refused(beyond, 400, "insights.beyond_window")


def test_topups_with_their_refunds(
    busy: Person, look: Look, client: FlaskClient, administrator: Person
) -> None:
    found = look("topups")["topups"]
    assert [(each["orderId"], each["state"], each["reversedAmount"]) for each in found] == [
        ("TOPUP-THREE", "REFUNDED", 20_000),
        ("TOPUP-TWO", "EXPIRED", 0),
        ("TOPUP-ONE", "PAID", 0),
    ]
    assert [each["orderId"] for each in look("topups", state="PAID")["topups"]] == ["TOPUP-ONE"]
    assert len(look("topups", search=busy.email)["topups"]) == 2
    path = f"topups/{found[2]['id']}"
    assert look(path)["refunds"] == []

    body = {"amount": 25_000, "reason": "paid twice by mistake"}
    answer = client.post(f"/api/admin/{path}/refund", json=body, headers=administrator.headers)

    asked = data_of(answer, 202)["refunds"]
    assert [(each["amount"], each["state"]) for each in asked] == [(25_000, "ASKED")]
    unpaid = client.post(
        f"/api/admin/topups/{found[1]['id']}/refund", json=body, headers=administrator.headers
    )
    assert unpaid.status_code in (400, 409)


def test_refunds_of_charges(busy: Person, look: Look, administrator: Person) -> None:
    [refund] = look("refunds")["refunds"]

    assert (refund["amount"], refund["of"], refund["user"]["email"]) == (10_000, "PERIOD", busy.email)
    assert refund["processedBy"] == str(administrator.id)
    assert look("refunds", search=refund["customId"])["refunds"] == [refund]
    assert look("refunds", search="elsewhere")["refunds"] == []


@pytest.fixture
def download(client: FlaskClient, administrator: Person) -> Callable[..., list[dict[str, str]]]:
    def fetch(name: str, **query: object) -> list[dict[str, str]]:
        answer = client.get(f"/api/admin/{name}.csv", query_string=query, headers=administrator.headers)
        assert answer.status_code == 200, answer.text
        assert f'filename="minispod-{name}.csv"' in answer.headers["Content-Disposition"]
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    return fetch


def test_files_have_what_the_lists_have_oldest_first_in_pages(
    busy: Person, look: Look, download: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    monkeypatch.setattr(money_exports, "_PAGE", 2)

    for name in LISTS:
        rows = download(name)
        assert [row["Id"] for row in rows] == [each["id"] for each in look(name, sortOrder="asc")[name]]
    assert [row["Type"] for row in download("transactions", type="SUBSCRIPTION")] == ["SUBSCRIPTION"]
    assert download("topups", search="TOPUP-TWO")[0]["Amount (IDR)"] == "30000"
    with app.app_context():
        written = session().scalars(select(AuditEntry).where(AuditEntry.action == "wallet.exported")).all()
    assert [entry.details["file"] for entry in written] == [*LISTS, "transactions", "topups"]


def test_files_hold_no_formula(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, download: Callable[..., Any]
) -> None:
    shop.order(person(credit=50_000, name="=HYPERLINK(1)"), plan_id())

    assert {row["Customer"] for row in download("transactions")} == {"'=HYPERLINK(1)"}


@pytest.mark.parametrize(
    "query",
    [
        {"type": "NOPE"},
        {"startDate": "yesterday"},
        {"startDate": "0001-01-01"},
        {"sortBy": "name"},
        {"limit": "101"},
        {"page": "0"},
        {"cursor": "-1"},
        {"cursor": "5", "sortBy": "amount"},
        {"search": "a\x00b"},
    ],
)
def test_odd_questions_are_refused(client: FlaskClient, administrator: Person, query: dict[str, str]) -> None:
    answer = client.get("/api/admin/transactions", query_string=query, headers=administrator.headers)

    refused(answer, 400, "request.invalid")


@pytest.mark.parametrize("name", [*LISTS, *(f"{name}.csv" for name in LISTS)])
def test_only_for_administrators(client: FlaskClient, customer: Person, name: str) -> None:
    refused(client.get(f"/api/admin/{name}"), 401, "unauthenticated")
    refused(client.get(f"/api/admin/{name}", headers=customer.headers), 403, "accounts.staff_only")


@pytest.mark.parametrize("path", ["transactions", "topups"])
def test_what_is_not_there(client: FlaskClient, administrator: Person, path: str) -> None:
    for id_ in (uuid.uuid4(), "nonsense"):
        answer = client.get(f"/api/admin/{path}/{id_}", headers=administrator.headers)
        assert answer.status_code == 404
