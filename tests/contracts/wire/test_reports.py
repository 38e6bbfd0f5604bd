"""Recorded exchanges of reports and of charging by hand."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.contracts.wire.conftest import Replay
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Fresh = Callable[[Person], dict[str, str]]


@pytest.fixture
def due(shop: Shop, person: Callable[..., Person], plan_id: PlanFinder) -> Callable[..., uuid.UUID]:
    """A subscription whose first month is over an hour ago, of an owner with `credit` left for the second."""

    def make(credit: int) -> uuid.UUID:
        owner = person(credit=50_000 + credit)
        made = shop.order(owner, plan_id())
        shop.runs(made)
        shop.clock.advance(days=30, hours=1)
        return made

    return make


def later(staff: Person, headers_now: Fresh) -> Person:
    return replace(staff, headers=headers_now(staff))


def test_the_dashboard(
    replay: Replay, shop: Shop, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    shop.order(customer, plan_id())

    found = replay("admin_analytics__dashboard", administrator)["data"]["dashboardAnalytics"]

    assert found["summary"] == {
        "revenue30d": 50_000,
        "netRevenue30d": 50_000,
        "totalUsers": 2,
        "activeSubscriptions": 1,
        "totalInstances": 1,
    }
    newest = found["recentActivity"]["transactions"][0]
    assert (newest["type"], newest["user"]["email"]) == ("SUBSCRIPTION", customer.email)
    assert replay("admin_analytics__dashboard_as_user", customer)["code"] == "accounts.staff_only"


def test_revenue(
    replay: Replay, shop: Shop, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    shop.refund(administrator, shop.order(customer, plan_id()), 10_000)

    for name in ("admin_analytics__revenue", "admin_analytics__revenue_7d"):
        found = replay(name, administrator)["data"]["revenueAnalytics"]
        assert found["summary"] == {
            "totalRevenue": 50_000,
            "subscriptionRevenue": 50_000,
            "topUpRevenue": 0,
            "refundAmount": 10_000,
            "netRevenue": 40_000,
        }
    refusal = replay("admin_analytics__revenue_bad_period", administrator)
    assert refusal["message"] == "period: must be one of: 7d, 30d, 90d, 1y"
    assert "period" in refusal["errors"]


def test_the_other_reports(
    replay: Replay, shop: Shop, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    replay("admin_analytics__service_control", administrator)
    shop.order(customer, plan_id())

    found = replay("admin_analytics__subscriptions", administrator)["data"]["subscriptionAnalytics"]
    assert found["summary"]["monthlyRecurringRevenue"] == 50_000
    found = replay("admin_analytics__users", administrator)["data"]["userAnalytics"]
    assert found["topSpenders"][0]["totalSpent"] == 50_000


def test_renewals(
    replay: Replay, administrator: Person, due: Callable[..., uuid.UUID], headers_now: Fresh
) -> None:
    assert replay("admin_billing__process_renewals_none_due", administrator)["data"]["processed"] == 0
    due(credit=50_000)

    staff = later(administrator, headers_now)
    assert replay("admin_billing__process_renewals_one_due", staff)["data"]["successful"] == 1


def test_a_renewal_that_is_not_covered(
    replay: Replay, shop: Shop, administrator: Person, due: Callable[..., uuid.UUID], headers_now: Fresh
) -> None:
    mine = due(credit=100)
    staff = later(administrator, headers_now)

    assert replay("admin_billing__low_credit_one", staff)["data"]["count"] == 1
    found = replay("admin_billing__process_renewals_insufficient", staff)["data"]
    assert found["errors"][0]["error"] == "Insufficient credit. Balance: 100, Required: 50000"
    until = shop.look(mine)[0].grace_until

    assert replay("admin_billing__process_renewals_again_in_grace", staff)["data"]["insufficientCredit"] == 1
    # Fault 15: there the grace begins anew with each run.
    assert shop.look(mine)[0].grace_until == until
    assert replay("admin_billing__process_grace_period_none", staff)["data"]["processed"] == 0

    data = replay("admin_billing__set_grace", staff, mine)["data"]["subscription"]
    assert data["gracePeriodEnd"].startswith("2026-12-25T")
    assert (
        replay("admin_billing__set_grace_validation", staff, mine)["code"] == "subscriptions.grace_too_long"
    )
    shop.clock.advance(days=6)
    staff = later(administrator, headers_now)
    assert replay("admin_billing__process_grace_period_over", staff)["data"]["expired"] == 1


def test_the_rest_of_charging(
    replay: Replay, shop: Shop, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id())
    shop.runs(mine)

    assert replay("admin_billing__stats", administrator)["data"]["monthlyRevenue"] == 50_000
    assert replay("admin_billing__run_job", administrator)["data"]["totalActiveSubscriptions"] == 1
    assert replay("admin_billing__run_job_unknown", administrator)["code"] == "subscriptions.no_such_job"
    assert replay("admin_billing__low_credit", administrator)["data"]["count"] == 0
    replay("admin_billing__send_low_credit", administrator)
    replay("admin_billing__job_status", administrator)
    assert replay("admin_billing__stats_as_user", customer)["code"] == "accounts.staff_only"
    assert replay("admin_billing__expire", administrator, mine)["data"]["subscription"]["status"] == "EXPIRED"
