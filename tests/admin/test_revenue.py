"""Revenue and scoreboard as pages and files: with an empty shop, with a busy one, and at the edges."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.admin import pages
from minispod.audit.models import AuditEntry
from minispod.insights import windows
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.admin.shop import TOPPED_UP, Shop
from tests.factories.recurring import Past, put_customer, put_past
from tests.factories.statements import asked
from tests.plugins.app import Person

PAGES = (
    "/admin/revenue",
    "/admin/revenue/cohorts",
    "/admin/revenue/forecast",
    "/admin/revenue/earned",
    "/admin/scoreboard",
)
FILES = {
    "/admin/revenue/months.csv": 12,
    "/admin/revenue/plans.csv": 0,
    "/admin/revenue/cohorts.csv": 0,
    "/admin/revenue/forecast.csv": 30,
    "/admin/revenue/shortfalls.csv": 0,
    "/admin/revenue/endings.csv": 0,
    "/admin/revenue/days.csv": 20,
    "/admin/revenue/services.csv": 0,
}
PlanFinder = Callable[..., uuid.UUID]


def _rows(browser: Browser, path: str) -> list[dict[str, str]]:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    assert answer.content_type == "text/csv; charset=utf-8"
    assert 'filename="minispod-' in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
def busy(app: Flask, clock: FrozenClock, shop: Shop, plan_id: PlanFinder) -> Shop:
    """The shop, with customers of earlier months, one of whom leaves and one of whom cannot pay."""
    with app.app_context(), unit_of_work():
        at = clock.now()
        old = at - timedelta(days=70)
        rich, poor = (
            put_customer("Rich", balance=900_000, at=old),
            put_customer('=HYPERLINK("http://evil.example")', at=old),
        )
        put_past(Past(rich, plan_id("wordpress"), old, price=80_000, months=3))
        put_past(Past(poor, plan_id("wordpress"), old, price=90_000, months=3))
        put_past(Past(rich, plan_id("ghost-blog"), at - timedelta(days=20), price=40_000, auto_renew=False))
    return shop


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_shop_has_every_page(browser: Browser, path: str) -> None:
    text = browser.shown(path)

    assert 'aria-current="page"' in text
    assert " style=" not in text
    assert "<script>" not in text
    assert "nan" not in text.lower().split()


def test_an_empty_shop_has_every_file(browser: Browser) -> None:
    assert {path: len(_rows(browser, path)) for path in FILES} == FILES


def test_mrr_is_shown_with_its_definition_chart_and_table(browser: Browser, busy: Shop) -> None:
    text = browser.shown("/admin/revenue")

    assert "Rp\u00a0260,000" in text
    assert "live and paid" in text
    assert "Asia/Jakarta" in text
    assert '"key": "columns-new"' in text
    assert text.count("<chart-plot") == 2
    rows = _rows(browser, "/admin/revenue/months.csv")
    assert rows[-1]["MRR after (IDR)"] == "260000"
    for row in rows:
        moved = sum(
            int(row[f"{kind} (IDR)"]) for kind in ("New", "Reactivation", "Expansion", "Contraction", "Churn")
        )
        assert moved == int(row["MRR after (IDR)"]) - int(row["MRR before (IDR)"])
    plans = _rows(browser, "/admin/revenue/plans.csv")
    assert sum(int(row["MRR (IDR)"]) for row in plans) == 260_000


def test_figures_can_be_of_one_service(browser: Browser, busy: Shop) -> None:
    service = busy.subscription.service_id
    text = browser.shown(f"/admin/revenue?service={service}")

    assert f'value="{service}" selected' in text
    assert "Wordpress" not in text.split("By service and plan")[1]
    rows = _rows(browser, f"/admin/revenue/months.csv?service={service}")
    assert rows[-1]["MRR after (IDR)"] == "50000"
    assert f"service={service}" in text.split("Download as CSV")[0]
    for nonsense in ("x", uuid.uuid4(), "%00"):
        browser.shown(f"/admin/revenue?service={nonsense}")


def test_cohorts_are_shown_by_month_of_first_payment(browser: Browser, busy: Shop) -> None:
    text = browser.shown("/admin/revenue/cohorts")

    assert "Sep 2026" in text
    assert "kept-high" in text
    rows = _rows(browser, "/admin/revenue/cohorts.csv")
    assert [(row["Month of first payment"], row["Months later"], row["Customers"]) for row in rows] == [
        ("2026-09", "0", "2"),
        ("2026-09", "1", "2"),
        ("2026-09", "2", "2"),
        ("2026-11", "0", "1"),
    ]


def test_the_forecast_names_who_is_short_and_what_to_do(browser: Browser, busy: Shop, app: Flask) -> None:
    text = browser.shown("/admin/revenue/forecast")

    assert "1 customer is short" in text
    assert "=HYPERLINK" in text
    assert "Reminded by mail" in text
    assert "1 subscriptions no longer renew" in text or "Ends by decision" in text
    part = browser.fragment("/admin/revenue/forecast")
    assert part.text.strip().startswith('<section id="list"')
    (row,) = _rows(browser, "/admin/revenue/shortfalls.csv")
    assert row["Customer"].startswith("'=HYPERLINK")
    assert (row["Missing (IDR)"], row["Next step"]) == ("90000", "remind")
    (end,) = _rows(browser, "/admin/revenue/endings.csv")
    assert end["Price (IDR)"] == "40000"
    with app.app_context():
        kept = session().scalars(select(AuditEntry).where(AuditEntry.action == "wallet.exported")).all()
        assert [each.details["file"] for each in kept] == ["shortfalls", "endings"]


def test_what_was_earned_is_told_by_days_of_jakarta(
    browser: Browser, shop: Shop, clock: FrozenClock, administrator: Person
) -> None:
    text = browser.shown("/admin/revenue/earned")

    assert "Rp\u00a050,000" in text
    rows = _rows(browser, "/admin/revenue/days.csv")
    assert (rows[-1]["Day"], rows[-1]["Earned (IDR)"]) == ("2026-11-20", "50000")
    assert rows[-1]["Topped up (IDR)"] == str(TOPPED_UP)
    clock.set(datetime(2026, 11, 30, 17, 0, tzinfo=UTC))  # midnight in Jakarta, 1 December
    browser.sign_in(administrator.email)
    assert "No money moved in this month" in browser.shown("/admin/revenue/earned")
    november = _rows(browser, "/admin/revenue/days.csv?month=2026-11")
    assert len(november) == 30
    assert sum(int(row["Earned (IDR)"]) for row in november) == 50_000
    (service,) = _rows(browser, "/admin/revenue/services.csv?month=2026-11")
    assert service["Charged (IDR)"] == "50000"


@pytest.mark.parametrize("month", ["nonsense", "2026-13", "0001-01", "9999-12", "2027-01", "%00"])
def test_an_odd_month_is_the_running_one(browser: Browser, month: str) -> None:
    assert len(_rows(browser, f"/admin/revenue/days.csv?month={month}")) == 20


@pytest.mark.parametrize("period", ["7d", "30d", "90d", "1y", "nonsense"])
def test_the_scoreboard_has_no_share_of_nothing(browser: Browser, shop: Shop, period: str) -> None:
    text = browser.shown(f"/admin/scoreboard?period={period}")

    assert "0 of 1 orders ran" in text
    assert "No cases" in text
    assert "response times of the API" in text
    chosen = period[:-1] if period in ("7d", "90d") else "30"
    assert f'aria-current="true">{chosen} days' in text


def test_each_page_is_a_constant_number_of_statements(
    browser: Browser, busy: Shop, app: Flask, clock: FrozenClock, plan_id: PlanFinder
) -> None:
    def counted() -> dict[str, int]:
        found = {}
        for path in PAGES:
            with asked() as statements:
                browser.shown(path)
            found[path] = len(statements)
        return found

    before = counted()
    with app.app_context(), unit_of_work():
        for number in range(8):
            who = put_customer(f"More {number}", at=clock.now())
            put_past(Past(who, plan_id(), clock.now() - timedelta(days=40), months=2))

    assert counted() == before
    assert max(before.values()) <= 14


def test_top_ups_and_papers_are_files_with_their_filters(
    browser: Browser, shop: Shop, run_jobs: Callable[..., int], tick: Callable[[str], None]
) -> None:
    rows = _rows(browser, "/admin/money/topups.csv")
    assert [row["Order"] for row in rows] == [shop.topup.order_id]
    assert _rows(browser, "/admin/money/topups.csv?state=EXPIRED") == []
    assert _rows(browser, "/admin/money/topups.csv?until=2026-11-19") == []
    assert len(_rows(browser, f"/admin/money/topups.csv?q={shop.topup.transaction_id}")) == 1
    run_jobs()
    tick("complete-papers")

    papers = _rows(browser, "/admin/money/papers.csv")

    assert sorted(row["Total (IDR)"] for row in papers) == sorted([str(TOPPED_UP), "50000"])
    (receipt,) = _rows(browser, "/admin/money/papers.csv?kind=RECEIPT")
    assert receipt["Transaction"] == shop.topup.custom_id
    assert _rows(browser, "/admin/money/papers.csv?since=2026-11-21") == []
    for path in ("/admin/money/topups", "/admin/money/papers"):
        assert f'href="{path}.csv?' in browser.shown(f"{path}?q=x")


def test_a_ledger_longer_than_its_window_says_so(
    browser: Browser, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", 2)
    monkeypatch.setattr(pages, "WINDOW", 50)
    monkeypatch.setattr(pages, "_PER_PAGE", 1)

    text = browser.shown("/admin/money")

    assert "There are more than these 2" in text
    assert "1–1 of 2" in text
