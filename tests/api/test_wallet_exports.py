"""The statement as a file, and a customer's own figures, over HTTP."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.insights import exports
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.states import TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.factories.payments import TESTER, put_topup
from tests.plugins.app import Person, data_of, refused

Rows = list[dict[str, str]]


@pytest.fixture
def statement(client: FlaskClient, customer: Person) -> Callable[..., Rows]:
    def download(**query: str) -> Rows:
        answer = client.get("/api/wallet/statement.csv", query_string=query, headers=customer.headers)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "text/csv; charset=utf-8"
        assert 'filename="minispod-statement.csv"' in answer.headers["Content-Disposition"]
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    return download


def _charge(app: Flask, owner: Person, amount: int, clock: FrozenClock, text: str = "A month") -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, uuid.uuid4().hex, text)
    with app.app_context(), unit_of_work():
        ledger.debit(owner.id, amount, posting, actor=TESTER, at=clock.now())


def test_the_statement_is_downloaded_oldest_first(
    app: Flask, customer: Person, clock: FrozenClock, statement: Callable[..., Rows]
) -> None:
    for hours in (1, 2):
        clock.advance(hours=hours)
        _charge(app, customer, 10_000 * hours, clock)
    with app.app_context():
        put_topup(customer.id, at=clock.now() + timedelta(minutes=-1), state=TopUpState.FAILED)

    rows = statement()

    assert [row["Type"] for row in rows] == ["ADMIN_ADJUSTMENT", "SUBSCRIPTION", "TOP_UP", "SUBSCRIPTION"]
    assert [row["Status"] for row in rows] == ["COMPLETED", "COMPLETED", "FAILED", "COMPLETED"]
    assert rows[1]["Amount (IDR)"] == "10000"
    assert rows[1]["Date (UTC)"] == "2026-11-20 04:00:00"
    assert (rows[3]["Balance before (IDR)"], rows[3]["Balance after (IDR)"]) == ("490000", "470000")


def test_a_long_statement_comes_whole_in_pages(
    app: Flask,
    customer: Person,
    clock: FrozenClock,
    statement: Callable[..., Rows],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "_PAGE", 3)
    for _ in range(8):
        _charge(app, customer, 1_000, clock)

    rows = statement()

    assert len({row["Number"] for row in rows}) == len(rows) == 9
    assert [row["Balance after (IDR)"] for row in rows] == [str(500_000 - 1_000 * n) for n in range(9)]


def test_the_statement_takes_the_filters_of_the_list(
    app: Flask, customer: Person, clock: FrozenClock, statement: Callable[..., Rows]
) -> None:
    clock.advance(hours=22)
    _charge(app, customer, 10_000, clock)

    assert [row["Type"] for row in statement(type="SUBSCRIPTION")] == ["SUBSCRIPTION"]
    assert [row["Type"] for row in statement(endDate="2026-11-20")] == ["ADMIN_ADJUSTMENT"]
    assert [row["Type"] for row in statement(startDate="2026-11-21")] == ["SUBSCRIPTION"]
    assert statement(status="FAILED") == []
    assert len(statement(endDate="2099-01-01")) == 2


def test_a_statement_holds_no_formula_and_nothing_of_others(
    app: Flask,
    customer: Person,
    person: Callable[..., Person],
    clock: FrozenClock,
    statement: Callable[..., Rows],
) -> None:
    _charge(app, person(credit=10_000), 1_000, clock, text="Somebody else's")
    _charge(app, customer, 1_000, clock, text='=HYPERLINK("https://evil.example","x")')

    rows = statement()

    assert [row["Description"] for row in rows] == [
        "Opening credit",
        '\'=HYPERLINK("https://evil.example","x")',
    ]


@pytest.mark.parametrize("query", [{"type": "NOPE"}, {"startDate": "yesterday"}])
def test_odd_filters_are_refused(client: FlaskClient, customer: Person, query: dict[str, str]) -> None:
    answer = client.get("/api/wallet/statement.csv", query_string=query, headers=customer.headers)

    refused(answer, 400, "request.invalid")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "statement.csv"), ("GET", "statistics"), ("POST", "check-credit")]
)
def test_visitors_get_nothing(client: FlaskClient, method: str, path: str) -> None:
    refused(client.open(f"/api/wallet/{path}", method=method), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("period", "names"),
    [
        ("day", ["2026-11-21", "2026-11-20"]),
        ("week", ["2026-W47"]),
        ("month", ["2026-11"]),
        ("year", ["2026"]),
        ("", ["2026-11"]),
    ],
)
def test_figures_are_grouped_by_days_in_jakarta(
    app: Flask, client: FlaskClient, customer: Person, clock: FrozenClock, period: str, names: list[str]
) -> None:
    clock.advance(hours=14)  # midnight in Jakarta
    _charge(app, customer, 10_000, clock)
    query = {"period": period} if period else {}

    found = data_of(client.get("/api/wallet/statistics", query_string=query, headers=customer.headers))

    assert list(found["statistics"]["periodStats"]) == names
    assert found["statistics"]["overview"]["totalAmount"] == 510_000


def test_figures_leave_out_what_was_not_completed_and_group_thirty_days(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    clock: FrozenClock,
    headers_now: Callable[[Person], dict[str, str]],
) -> None:
    with app.app_context():
        for state in (TopUpState.PENDING, TopUpState.FAILED, TopUpState.PAID, TopUpState.REFUNDED):
            put_topup(customer.id, at=clock.now(), state=state, amount=20_000)
    clock.advance(days=31)
    _charge(app, customer, 5_000, clock)

    found = data_of(client.get("/api/wallet/statistics", headers=headers_now(customer)))["statistics"]

    assert found["byType"]["TOP_UP"] == {"totalAmount": 20_000, "count": 1}
    assert found["periodStats"] == {
        "2026-12": {
            "totalAmount": 5_000,
            "count": 1,
            "byType": {"SUBSCRIPTION": {"amount": 5_000, "count": 1}},
        }
    }


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1000", None, True, 10**16])
def test_a_check_needs_a_whole_amount(client: FlaskClient, customer: Person, amount: object) -> None:
    answer = client.post("/api/wallet/check-credit", json={"amount": amount}, headers=customer.headers)

    refused(answer, 400, "request.invalid")
