"""Receipts, invoices and credit notes over HTTP: one's own, never another's, and all of them for staff."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from minispod.kernel.clock import FrozenClock
from tests.domain.papers.conftest import Bank
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

Get = Callable[..., Any]


@pytest.fixture
def get(client: FlaskClient) -> Get:
    def ask(who: Person, path: str, **query: Any) -> Any:
        return client.get(f"/api{path}", query_string=query, headers=who.headers)

    return ask


@pytest.fixture
def busy(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    run_jobs: Callable[..., int],
    clock: FrozenClock,
) -> Person:
    """A customer with a receipt, two invoices, and a credit note for one of them."""
    Bank(app, clock).pays(customer)
    mine = shop.order(customer, plan_id())
    shop.order(customer, plan_id("postgresql", "PRO"))
    shop.cancel(customer, mine)
    run_jobs()
    return customer


def test_papers_are_listed_newest_first_and_filtered(get: Get, busy: Person) -> None:
    data = data_of(get(busy, "/billing/invoices"))
    assert data["pagination"]["total"] == 4
    assert {row["invoiceNumber"] for row in data["invoices"]} == {
        "RCP-202611-000001",
        "INV-202611-000001",
        "INV-202611-000002",
        "CRN-202611-000001",
    }

    for query, expected in (
        ({"type": "TOPUP"}, 1),
        ({"type": "SUBSCRIPTION"}, 2),
        ({"type": "REFUND"}, 1),
        ({"status": "PAID"}, 3),
        ({"status": "CANCELLED"}, 1),
        ({"status": "OVERDUE"}, 0),
        ({"startDate": "2026-11-21"}, 0),
        ({"endDate": "2026-11-20"}, 4),
        ({"limit": 3, "page": 2}, 1),
    ):
        assert len(data_of(get(busy, "/billing/invoices", **query))["invoices"]) == expected, query


def test_one_paper_has_every_key_of_the_contract(get: Get, busy: Person) -> None:
    [note] = data_of(get(busy, "/billing/invoices", type="REFUND"))["invoices"]
    invoice = data_of(get(busy, f"/billing/invoices/{note['correctsId']}"))["invoice"]

    assert invoice == {
        **invoice,
        "invoiceNumber": note["correctsNumber"],
        "kind": "INVOICE",
        "type": "SUBSCRIPTION",
        "status": "CANCELLED",
        "amount": 50_000,
        "currency": "IDR",
        "subtotal": 50_000,
        "taxRate": 0,
        "taxAmount": 0,
        "total": 50_000,
        "creditedAmount": 50_000,
        "description": "Subscription: N8N Automation Basic",
        "topupId": None,
        "userId": str(busy.id),
        "correctsId": None,
        "language": "en",
        "downloadCount": 0,
        "dueDate": "2026-11-20T03:00:00.000Z",
        "paidAt": "2026-11-20T03:00:00.000Z",
        "lines": [{"description": "Subscription: N8N Automation Basic", "amount": 50_000}],
    }
    assert invoice["buyer"]["email"] == busy.email
    assert invoice["seller"]["name"] == "MinisPod"
    assert invoice["transactionNumber"].startswith("TXMP-")


@pytest.mark.parametrize(("language", "word"), [(None, "INVOICE"), ("en", "INVOICE"), ("id", "FAKTUR")])
def test_the_pdf_is_a_file_to_save_and_the_download_is_counted(
    get: Get, busy: Person, administrator: Person, language: str | None, word: str
) -> None:
    row = data_of(get(busy, "/billing/invoices", type="SUBSCRIPTION"))["invoices"][0]
    path = f"/billing/invoices/{row['id']}"

    answer = get(busy, f"{path}/pdf", **({"language": language} if language else {}))

    assert answer.status_code == 200
    assert answer.content_type == "application/pdf"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=invoice-{row['invoiceNumber']}.pdf"
    text = PdfReader(io.BytesIO(answer.data)).pages[0].extract_text()
    assert word in text
    assert row["invoiceNumber"] in text
    get(administrator, f"/admin{path}/pdf")
    assert data_of(get(busy, path))["invoice"]["downloadCount"] == 1


def test_other_peoples_papers_are_not_found(get: Get, busy: Person, person: Callable[..., Person]) -> None:
    other = person()
    row = data_of(get(busy, "/billing/invoices"))["invoices"][0]

    for path in (f"/billing/invoices/{row['id']}", f"/billing/invoices/{row['id']}/pdf"):
        refused(get(other, path), 404, "papers.no_such_paper")
        refused(get(busy, path.replace(row["id"], str(uuid.uuid4()))), 404, "papers.no_such_paper")
        assert get(busy, path.replace(row["id"], "nonsense")).status_code == 404
    assert data_of(get(other, "/billing/invoices"))["invoices"] == []
    assert data_of(get(busy, f"/billing/invoices/{row['id']}"))["invoice"]["downloadCount"] == 0


def test_staff_find_anybodys_papers_and_customers_do_not(
    get: Get, busy: Person, administrator: Person, person: Callable[..., Person]
) -> None:
    other = person()
    for query, expected in (
        ({}, 4),
        ({"search": busy.email}, 4),
        ({"search": "INV-202611-000002"}, 1),
        ({"search": "nobody"}, 0),
        ({"userId": str(busy.id), "type": "TOPUP"}, 1),
        ({"userId": str(other.id)}, 0),
        ({"status": "DRAFT"}, 0),
    ):
        found = data_of(get(administrator, "/admin/billing/invoices", **query))["invoices"]
        assert len(found) == expected, query
    row = data_of(get(administrator, "/admin/billing/invoices"))["invoices"][0]

    one = data_of(get(administrator, f"/admin/billing/invoices/{row['id']}"))["invoice"]
    assert one["buyer"]["email"] == busy.email
    [same] = data_of(get(administrator, "/admin/billing/invoices", search=row["transactionNumber"]))[
        "invoices"
    ]
    assert same["id"] == row["id"]
    for path in ("", f"/{row['id']}", f"/{row['id']}/pdf"):
        assert get(busy, f"/admin/billing/invoices{path}").status_code == 403


def test_statement_and_history_name_the_invoice(get: Get, busy: Person) -> None:
    papers = data_of(get(busy, "/billing/invoices"))["invoices"]
    by_entry = {row["transactionId"]: (row["id"], row["invoiceNumber"]) for row in papers}

    lines = data_of(get(busy, "/wallet/transactions"))["transactions"]
    named = {line["id"]: (line["invoiceId"], line["invoiceNumber"]) for line in lines if line["invoiceId"]}
    assert named == by_entry

    subscription = next(row["subscriptionId"] for row in papers if row["type"] == "SUBSCRIPTION")
    [charge] = data_of(get(busy, f"/subscriptions/{subscription}"))["subscription"]["transactions"]
    assert (charge["invoiceId"], charge["invoiceNumber"]) == by_entry[charge["id"]]
