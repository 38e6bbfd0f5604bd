"""A customer's wallet on the pages: filters, files, corrections in two steps and their second confirmation."""

import csv
import io
import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from minispod.audit import trail
from minispod.kernel.actor import Role, system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger
from minispod.wallet.models import Adjustment, EntryKind, EntryType, Wallet
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.plugins.app import PASSWORD, Person

SMALL = {"direction": "add", "amount": "25.000", "reason": "Goodwill after the outage"}
LARGE = {**SMALL, "amount": "Rp 5.000.000"}
_HIDDEN = re.compile(r'name="(\w+)" value="([^"]*)"')


@pytest.fixture
def second(person: Callable[..., Person], stranger: Callable[[], Browser], browser: Browser) -> Browser:
    """Another administrator at another machine."""
    other = person(role=Role.ADMINISTRATOR, name="Budi Admin")
    made = stranger()
    assert made.sign_in(other.email).status_code == 303
    made.get("/admin/")
    return made


def _page(owner: Person) -> str:
    return f"/admin/customers/{owner.id}/wallet"


def _balance(app: Flask, owner: Person) -> int:
    with app.app_context():
        return session().get_one(Wallet, owner.id).balance


def _adjust(browser: Browser, owner: Person, **fields: str) -> str:
    """Both steps; gives the address the second one leads to."""
    checked = browser.post(f"{_page(owner)}/adjust/check", **fields)
    assert checked.status_code == 200, checked.text
    hidden = {name: value for name, value in _HIDDEN.findall(checked.text) if name != "csrf_token"}
    assert hidden["amount"] == fields["amount"]
    answer = browser.post(f"{_page(owner)}/adjust", **hidden)
    assert answer.status_code == 303
    return str(answer.location)


def test_a_wallet_is_shown_with_its_entries(browser: Browser, shop: Shop) -> None:
    shown = browser.shown(_page(shop.customer))

    for expected in ("Rp\u00a0550,000", shop.topup.custom_id, "Subscription to N8N Automation Basic"):
        assert expected in shown
    assert "owes" not in shown
    assert f'href="{_page(shop.customer)}"' in browser.shown(f"/admin/customers/{shop.customer.id}")


def test_debt_is_shown_where_the_customer_is_looked_at(
    browser: Browser, customer: Person, app: Flask, clock: FrozenClock
) -> None:
    taken = ledger.Posting(EntryType.REFUND, EntryKind.TOPUP_REVERSAL, "back", "Taken back")
    with app.app_context(), unit_of_work():
        ledger.take_back(customer.id, 560_000, taken, actor=system("tests"), at=clock.now())

    assert "This wallet owes Rp\u00a060,000" in browser.shown(_page(customer))
    assert "Rp\u00a060,000" in browser.shown(f"/admin/customers/{customer.id}")


def test_a_correction_is_shown_before_it_is_made(browser: Browser, customer: Person, app: Flask) -> None:
    browser.shown(f"{_page(customer)}/adjust")

    checked = browser.post(f"{_page(customer)}/adjust/check", **SMALL)

    for expected in ("Rp\u00a0500,000", "+Rp\u00a025,000", "Rp\u00a0525,000", SMALL["reason"]):
        assert expected in checked.text
    assert "second confirmation" not in checked.text
    assert _balance(app, customer) == 500_000


def test_a_small_correction_is_made_and_told(browser: Browser, customer: Person, app: Flask) -> None:
    target = _adjust(browser, customer, **SMALL)

    assert target == _page(customer)
    shown = browser.shown(target)
    assert "Rp\u00a025,000 was added to the wallet" in shown
    assert SMALL["reason"] in shown
    assert _balance(app, customer) == 525_000


def test_a_form_sent_twice_is_one_correction(browser: Browser, customer: Person, app: Flask) -> None:
    key = uuid.uuid4().hex
    for _ in range(2):
        browser.post(f"{_page(customer)}/adjust", request_key=key, **SMALL)

    assert _balance(app, customer) == 525_000


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"amount": "12,5"}, "whole number of rupiah"),
        ({"amount": "25.00"}, "whole number of rupiah"),
        ({"amount": "-5000"}, "whole number of rupiah"),
        ({"amount": ""}, "whole number of rupiah"),
        ({"direction": "give"}, "whole number of rupiah"),
        ({"amount": "500"}, "at least 1,000 IDR"),
        ({"amount": "200.000.000"}, "must not exceed"),
        ({"reason": "why"}, "A reason of 5 to 200 characters"),
        ({"direction": "deduct", "amount": "600000"}, "Insufficient balance"),
    ],
)
def test_what_cannot_be_done_is_said_at_the_form_which_keeps_what_was_typed(
    browser: Browser, customer: Person, app: Flask, change: dict[str, str], told: str
) -> None:
    fields = {**SMALL, **change}

    for step in ("adjust/check", "adjust"):
        answer = browser.post(f"{_page(customer)}/{step}", request_key=uuid.uuid4().hex, **fields)
        assert answer.status_code == 400
        assert told in answer.text or (step == "adjust" and "check the correction" in answer.text)
        assert f'value="{fields["reason"]}"' in answer.text
    with app.app_context():
        assert session().query(Adjustment).count() == 0


def test_a_deduction_into_debt_warns_first(browser: Browser, customer: Person, app: Flask) -> None:
    fields = {**SMALL, "direction": "deduct", "amount": "600000", "may_owe": "yes"}

    assert "will owe Rp\u00a0100,000" in browser.post(f"{_page(customer)}/adjust/check", **fields).text
    _adjust(browser, customer, **fields)

    assert _balance(app, customer) == -100_000


def test_a_large_correction_waits_on_the_first_page_for_another_administrator(
    browser: Browser, second: Browser, customer: Person, app: Flask
) -> None:
    page = _adjust(browser, customer, **LARGE)

    assert _balance(app, customer) == 500_000
    mine = browser.shown(page)
    assert "Another administrator has to approve it" in mine
    assert "Approve" not in mine
    today = second.shown("/admin/")
    assert "1 adjustment waits for a second confirmation" in today
    assert f'href="{page}"' in today
    assert "asked for by Ayu Admin" in today
    theirs = second.shown(page)
    assert f'action="{page}/approve"' in theirs
    answer = second.post(f"{page}/approve", page)

    assert (answer.status_code, answer.location) == (303, page)
    assert "by Budi Admin" in second.shown(page)
    assert _balance(app, customer) == 5_500_000
    assert "second confirmation" not in second.shown("/admin/")


def test_nobody_approves_an_own_request_by_sending_the_form_anyway(
    browser: Browser, second: Browser, customer: Person, app: Flask
) -> None:
    page = _adjust(browser, customer, **LARGE)

    assert browser.post(f"{page}/approve", page, password=PASSWORD).status_code == 403
    assert _balance(app, customer) == 500_000


def test_the_only_administrator_confirms_with_the_password(
    browser: Browser, customer: Person, app: Flask
) -> None:
    page = _adjust(browser, customer, **LARGE)
    assert 'name="password"' in browser.shown(page)

    assert browser.post(f"{page}/approve", page, password="wrong").status_code == 403
    assert _balance(app, customer) == 500_000
    assert browser.post(f"{page}/approve", page, password=PASSWORD).status_code == 303

    assert _balance(app, customer) == 5_500_000


def test_a_declined_request_is_kept_with_who_declined_it(
    browser: Browser, second: Browser, customer: Person, app: Flask
) -> None:
    page = _adjust(browser, customer, **LARGE)

    assert second.post(f"{page}/decline", page).location == page

    shown = second.shown(page)
    assert "Declined" in shown
    assert "by Budi Admin" in shown
    assert "Declined" in second.shown("/admin/money/adjustments?state=DECLINED")
    assert customer.email not in second.shown("/admin/money/adjustments?state=APPLIED")
    assert _balance(app, customer) == 500_000
    again = second.post(f"{page}/approve", page)
    assert (again.status_code, again.location) == (303, page)
    assert "it cannot become applied" in second.shown(page)


def test_what_expired_says_so(
    browser: Browser,
    customer: Person,
    app: Flask,
    clock: FrozenClock,
    stranger: Callable[[], Browser],
    administrator: Person,
) -> None:
    page = _adjust(browser, customer, **LARGE)
    clock.advance(hours=73)
    later = stranger()
    later.sign_in(administrator.email)

    assert "Nobody confirmed it in time" in later.shown(page)
    assert "adjustment waits" not in later.shown("/admin/")


@pytest.mark.parametrize("id_", ["not-an-id", "01a1f922-b4b6-77d2-9267-754f21fb013a"])
@pytest.mark.parametrize(
    "path", ["/admin/customers/{}/wallet", "/admin/customers/{}/wallet/adjust", "/admin/money/adjustments/{}"]
)
def test_what_does_not_exist_is_not_found(browser: Browser, path: str, id_: str) -> None:
    assert browser.get(path.format(id_)).status_code == 404


def test_the_ledger_is_found_by_any_id_and_day(
    browser: Browser, shop: Shop, app: Flask, clock: FrozenClock
) -> None:
    with app.app_context():
        top_up, charge = (
            ledger.find_entry(kind, reference)
            for kind, reference in (
                (EntryKind.TOPUP, str(shop.topup.id)),
                (EntryKind.PERIOD, f"{shop.subscription.id}:1"),
            )
        )
    assert top_up is not None
    assert charge is not None

    for search, number in (
        (shop.topup.order_id, top_up.custom_id),
        (shop.topup.transaction_id, top_up.custom_id),
        (str(shop.topup.id), top_up.custom_id),
        (top_up.custom_id.lower(), top_up.custom_id),
        (str(shop.subscription.id), charge.custom_id),
        (str(charge.id), charge.custom_id),
        (charge.reference, charge.custom_id),
    ):
        shown = browser.shown(f"/admin/money?q={search}")
        assert "1–1 of 1" in shown, search
        assert number in shown, search
    assert "1–3 of 3" in browser.shown(f"/admin/money?q={shop.customer.id}")
    assert "1–3 of 3" in browser.shown("/admin/money?since=2026-11-20&until=2026-11-20")
    assert "0 results" in browser.shown("/admin/money?until=2026-11-19")
    assert "0 results" in browser.shown("/admin/money?since=2026-11-21")
    assert "1–3 of 3" in browser.shown("/admin/money?since=nonsense&until=0001-01-01x")


def test_days_of_the_filter_are_days_in_jakarta(
    browser: Browser, customer: Person, app: Flask, clock: FrozenClock
) -> None:
    posting = ledger.Posting(EntryType.TOP_UP, EntryKind.TOPUP, "late", "After midnight")
    with app.app_context(), unit_of_work():
        at = clock.now() + timedelta(hours=14)
        ledger.credit(customer.id, 1_000, posting, actor=system("tests"), at=at)

    assert "After midnight" in browser.shown("/admin/money?since=2026-11-21")
    assert "After midnight" not in browser.shown("/admin/money?until=2026-11-20")


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_ledger_is_downloaded_with_its_filters_and_the_audit_book_says_so(
    browser: Browser, shop: Shop, person: Callable[..., Person], app: Flask
) -> None:
    person(credit=7_000, name="=cmd|'/c calc'!A1")

    everything = browser.get("/admin/money/ledger.csv")
    charges = _rows(browser.get("/admin/money/ledger.csv?type=SUBSCRIPTION").text)
    theirs = _rows(browser.get(f"{_page(shop.customer)}/ledger.csv").text)

    assert everything.content_type == "text/csv; charset=utf-8"
    assert 'filename="minispod-ledger.csv"' in everything.headers["Content-Disposition"]
    rows = _rows(everything.text)
    assert len(rows) == 4
    assert {row["Customer"] for row in rows} == {"Siti Rahma", "'=cmd|'/c calc'!A1"}
    assert [row["Amount (IDR)"] for row in charges] == ["-50000"]
    assert [row["Position in wallet"] for row in theirs] == ["1", "2", "3"]
    with app.app_context():
        lines = trail.search(PageRequest(), action=trail.Action.WALLET_EXPORTED.value).items
    assert sorted(line.subject_id for line in lines) == sorted(["all", "all", str(shop.customer.id)])
    assert "Wallet: exported" in browser.shown("/admin/audit")
