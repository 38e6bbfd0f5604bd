"""Reports over HTTP: what each figure counts, days of the business, spans, and who may see them."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.accounts.models import User
from minispod.catalog.models import Plan
from minispod.insights import today
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.states import TopUpState
from minispod.rules import business_rules
from minispod.settings import Settings
from tests.factories.payments import put_topup
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Look = Callable[..., Any]
People = Callable[..., Person]
REPORTS = ("dashboard", "revenue", "subscriptions", "users", "service-control")


@pytest.fixture
def look(client: FlaskClient, administrator: Person, headers_now: Callable[[Person], dict[str, str]]) -> Look:
    def ask(name: str, **query: object) -> Any:
        answer = client.get(
            f"/api/admin/analytics/{name}", query_string=query, headers=headers_now(administrator)
        )
        [data] = data_of(answer).values()
        return data

    return ask


def test_credit_is_revenue_when_it_is_spent_and_once(
    shop: Shop, look: Look, person: People, administrator: Person, plan_id: PlanFinder
) -> None:
    owner = person()
    with shop.app.app_context():
        put_topup(owner.id, at=shop.clock.now(), state=TopUpState.PAID, amount=300_000)
    mine = shop.order(owner, plan_id())
    shop.refund(administrator, mine, 5_000)
    shop.runs(mine)
    shop.upgrade(owner, mine, plan_id("n8n-automation", "PRO"))

    found = look("revenue")

    assert found["summary"] == {
        "totalRevenue": 150_000,
        "subscriptionRevenue": 150_000,
        "topUpRevenue": 300_000,
        "refundAmount": 5_000,
        "netRevenue": 145_000,
    }
    assert [
        (each["serviceName"], each["revenue"], each["transactionCount"]) for each in found["byService"]
    ] == [("N8N Automation", 150_000, 2)]
    assert (found["dailyBreakdown"][0]["date"], found["dailyBreakdown"][0]["netRevenue"]) == (
        "2026-11-20T00:00:00.000Z",
        145_000,
    )
    assert len(found["dailyBreakdown"]) == 30
    dashboard = look("dashboard")["summary"]
    assert (dashboard["revenue30d"], dashboard["netRevenue30d"]) == (150_000, 145_000)


def test_the_first_page_of_the_house_says_the_same(
    shop: Shop, look: Look, customer: Person, administrator: Person, settings: Settings, plan_id: PlanFinder
) -> None:
    shop.refund(administrator, shop.order(customer, plan_id()), 5_000)

    with shop.app.app_context():
        own = today.business(zone=business_rules(settings).zone, at=shop.clock.now())

    assert own.today.revenue == look("revenue", period="7d")["summary"]["netRevenue"] == 45_000
    assert own.monthly_recurring == look("subscriptions")["summary"]["monthlyRecurringRevenue"] == 50_000


def test_days_are_days_of_jakarta(shop: Shop, look: Look, person: People, plan_id: PlanFinder) -> None:
    # 20 November 2026, 10:00 in Jakarta; the second order is on the 21st there, on the 20th in UTC.
    shop.order(person(credit=50_000), plan_id())
    shop.clock.advance(hours=15)
    shop.order(person(credit=50_000), plan_id())

    by_day = {each["date"][:10]: each["revenue"] for each in look("revenue")["dailyBreakdown"]}

    assert (by_day["2026-11-20"], by_day["2026-11-21"]) == (50_000, 50_000)
    for query, total in (
        ({"startDate": "2026-11-20", "endDate": "2026-11-20"}, 50_000),
        ({"startDate": "2026-11-20", "endDate": "2026-11-21"}, 100_000),
        ({"startDate": "2026-11-20T18:00:00Z", "endDate": "2026-11-20T19:00:00.000Z"}, 50_000),
        ({"startDate": "2026-11-22", "endDate": "2026-11-30"}, 0),
    ):
        found = look("revenue", **query)
        assert found["summary"]["totalRevenue"] == total, query
        assert sum(each["revenue"] for each in found["dailyBreakdown"]) == total, query


def test_a_period_ends_today(shop: Shop, look: Look, customer: Person, plan_id: PlanFinder) -> None:
    shop.order(customer, plan_id())

    totals = {}
    for days in (6, 1, 22, 1, 59, 1):
        shop.clock.advance(days=days)
        age = (shop.clock.now().date() - shop.clock.now().replace(2026, 11, 20).date()).days
        totals[age] = [
            name
            for name in ("7d", "30d", "90d", "1y")
            if look("revenue", period=name, limit=1)["summary"]["totalRevenue"]
        ]

    assert totals == {
        6: ["7d", "30d", "90d", "1y"],
        7: ["30d", "90d", "1y"],
        29: ["30d", "90d", "1y"],
        30: ["90d", "1y"],
        89: ["90d", "1y"],
        90: ["1y"],
    }


def test_subscriptions_that_came_and_went(
    shop: Shop, look: Look, person: People, plan_id: PlanFinder
) -> None:
    stays, leaves = person(credit=50_000), person(credit=150_000)
    shop.order(stays, plan_id())
    shop.cancel(leaves, shop.order(leaves, plan_id()))
    shop.order(leaves, plan_id("ghost-blog", "BASIC"))

    found = look("subscriptions")

    assert found["summary"]["total"] == found["summary"]["newInPeriod"] == 3
    assert [found["summary"][key] for key in ("active", "expired", "cancelled", "churnRate")] == [2, 0, 1, 33]
    assert {each["serviceName"]: each["subscriptionCount"] for each in found["byService"]} == {
        "N8N Automation": 1,
        "Ghost Blog": 1,
    }
    assert {
        each["serviceName"]: (each["planName"], each["subscriptionCount"]) for each in found["byPlan"]
    } == {
        "N8N Automation": ("Basic", 1),
        "Ghost Blog": ("Creator", 1),
    }


def test_accounts(shop: Shop, look: Look, person: People, plan_id: PlanFinder) -> None:
    buyer, _ = person(credit=60_000), person()
    shop.order(buyer, plan_id())
    with shop.app.app_context(), unit_of_work():
        session().get_one(User, buyer.id).signed_in_at = shop.clock.now()

    found = look("users", period="7d")

    assert found["summary"] == {
        "total": 3,
        "newInPeriod": 3,
        "active": 1,
        "withSubscriptions": 1,
        "withBalance": 1,
        "conversionRate": 33,
    }
    top = found["topSpenders"][0]
    assert (top["id"], top["totalSpent"], top["creditBalance"], top["activeSubscriptions"]) == (
        str(buyer.id),
        50_000,
        10_000,
        1,
    )
    assert [each["newUsers"] for each in found["growth"]] == [0, 0, 0, 0, 0, 0, 3]
    assert found["growth"][-1]["date"] == "2026-11-20T00:00:00.000Z"


def test_instances_that_are_deleted_are_not_counted(
    shop: Shop, look: Look, person: People, plan_id: PlanFinder
) -> None:
    runs, gone = shop.order(person(credit=50_000), plan_id()), shop.order(person(credit=50_000), plan_id())
    shop.runs(runs)
    shop.put(gone, status="TERMINATED")

    found = look("service-control")

    assert found["summary"] == {"totalInstances": 1, "recentStatusChanges": 2}
    assert found["byStatus"] == [{"status": "RUNNING", "count": 1}]
    assert [each["instanceCount"] for each in found["byService"]] == [1]
    assert look("dashboard")["summary"]["totalInstances"] == 1
    shop.clock.advance(days=31)
    assert look("service-control")["summary"]["recentStatusChanges"] == 0


def test_accounts_that_were_deleted_are_counted_as_little_as_they_are_listed(
    shop: Shop, client: FlaskClient, administrator: Person, look: Look, person: People
) -> None:
    gone, _ = person(credit=10_000), person()
    with shop.app.app_context(), unit_of_work():
        session().get_one(User, gone.id).deleted_at = shop.clock.now()

    listed = data_of(client.get("/api/admin/users", headers=administrator.headers))["pagination"][
        "totalCount"
    ]

    assert look("dashboard")["summary"]["totalUsers"] == listed == 2


def test_alarms_of_the_dashboard(
    shop: Shop, look: Look, person: People, plan_id: PlanFinder, set_slots: Callable[[int], None]
) -> None:
    for left in (0, 1, 49_999, 50_000):
        shop.order(person(credit=50_000 + left), plan_id())
    person(credit=10_000)
    assert look("dashboard")["alerts"] == {"lowBalanceUsers": 2, "criticalQuotaPlans": 0}

    set_slots(5)
    assert look("dashboard")["alerts"]["criticalQuotaPlans"] == 0
    set_slots(4)
    assert look("dashboard")["alerts"]["criticalQuotaPlans"] == 1


@pytest.fixture
def set_slots(shop: Shop, plan_id: PlanFinder) -> Callable[[int], None]:
    def change(number: int) -> None:
        plan = plan_id()
        with shop.app.app_context(), unit_of_work():
            session().get_one(Plan, plan).total_quota = number

    return change


def test_the_newest_ten_transactions_of_any_status_each_with_its_owner(
    shop: Shop, look: Look, person: People
) -> None:
    owners = [person(credit=1_000) for _ in range(9)]
    with shop.app.app_context():
        put_topup(owners[0].id, at=shop.clock.now() + timedelta(seconds=1), state=TopUpState.FAILED)
        put_topup(owners[1].id, at=shop.clock.now() + timedelta(seconds=1), order_id="TOPUP-2")

    found = look("dashboard")["recentActivity"]["transactions"]

    assert len(found) == 10
    assert [each["status"] for each in found[:3]] == ["PENDING", "FAILED", "COMPLETED"]
    assert all(each["user"]["email"] for each in found)


@pytest.mark.parametrize("name", ["revenue", "subscriptions", "users", "service-control"])
def test_odd_periods_are_refused(client: FlaskClient, administrator: Person, name: str) -> None:
    for period in ("2d", "0", "30", "7D"):
        answer = client.get(
            f"/api/admin/analytics/{name}", query_string={"period": period}, headers=administrator.headers
        )
        assert "period" in refused(answer, 400, "request.invalid")["errors"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"startDate": "2026-11-20"}, "request.invalid"),
        ({"endDate": "2026-11-20"}, "request.invalid"),
        ({"startDate": "soon", "endDate": "2026-11-20"}, "request.invalid"),
        ({"startDate": "9999-12-31", "endDate": "9999-12-31"}, "request.invalid"),
        ({"startDate": "2026-11-21", "endDate": "2026-11-20"}, "insights.backwards_span"),
    ],
)
def test_odd_spans_are_refused(
    client: FlaskClient, administrator: Person, query: dict[str, str], code: str
) -> None:
    answer = client.get("/api/admin/analytics/revenue", query_string=query, headers=administrator.headers)

    refused(answer, 400, code)


@pytest.mark.parametrize("name", REPORTS)
def test_only_for_administrators(client: FlaskClient, customer: Person, name: str) -> None:
    refused(client.get(f"/api/admin/analytics/{name}"), 401, "unauthenticated")
    answer = client.get(f"/api/admin/analytics/{name}", headers=customer.headers)
    refused(answer, 403, "accounts.staff_only")
