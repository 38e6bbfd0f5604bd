"""The administrators' edit touches nothing that money hangs on; the figures are counted in the database."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.audit import trail
from minispod.kernel.paging import PageRequest
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: PlanFinder) -> uuid.UUID:
    """A running n8n Basic."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


def edit(client: FlaskClient, who: Person, mine: uuid.UUID, **body: object) -> Any:
    return client.put(f"/api/admin/subscriptions/{mine}", json=body, headers=who.headers)


def test_renewal_and_failed_charges_are_edited_and_written_down(
    client: FlaskClient, shop: Shop, administrator: Person, mine: uuid.UUID
) -> None:
    data = data_of(
        edit(client, administrator, mine, autoRenew=False, failedCharges=2, reason="the customer rang us")
    )

    assert data["fieldsUpdated"] == ["nextBilling", "failedCharges", "autoRenew"]
    assert "nextBilling: 2026-12-20T03:00:00.000Z → null (auto-updated)" in data["changes"]
    assert data["originalSubscription"]["autoRenew"] is True
    assert data["adminAction"]["reason"] == "the customer rang us"
    with shop.app.app_context():
        [edited] = trail.search(PageRequest(), action="subscription.edited").items
        [switched] = trail.search(PageRequest(), action="subscription.auto_renew_changed").items
    assert edited.details["failed_charges"] == 2
    assert switched.details["reason"] == "the customer rang us"


@pytest.mark.parametrize(
    ("field", "value", "act"),
    [
        ("status", "CANCELLED", "force-cancel"),
        ("status", "SUSPENDED", "expire"),
        ("startDate", "2026-01-01", "period"),
        ("endDate", "2027-12-31T00:00:00Z", "extend"),
        ("nextBilling", None, "autoRenew"),
        ("nextBilling", "2030-01-01T00:00:00Z", "autoRenew"),
        ("lastBilled", None, "ledger"),
        ("monthlyPrice", 0, "upgrade"),
        ("lastChargeAmount", 1, "ledger"),
        ("gracePeriodEnd", "2030-01-01T00:00:00Z", "set-grace-period"),
    ],
)
def test_what_money_hangs_on_is_refused_with_the_act_that_changes_it(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    customer: Person,
    mine: uuid.UUID,
    field: str,
    value: object,
    act: str,
) -> None:
    before = shop.look(mine)[0]

    answer = edit(client, administrator, mine, **{field: value, "autoRenew": False})

    body = refused(answer, 400, "subscriptions.not_editable")
    assert list(body["data"]["fields"]) == [field]
    assert act in body["data"]["fields"][field]
    after = shop.look(mine)[0]
    assert (after.auto_renew, after.price, after.ends_at, after.status) == (
        True,
        before.price,
        before.ends_at,
        before.status,
    )
    assert shop.balance(customer) == 450_000


def test_a_form_that_sends_everything_back_changes_what_differs(
    client: FlaskClient, administrator: Person, mine: uuid.UUID
) -> None:
    listed = data_of(client.get("/api/admin/subscriptions", headers=administrator.headers))
    [row] = listed["subscriptions"]

    data = data_of(edit(client, administrator, mine, **{**row, "failedCharges": 3}))

    assert data["fieldsUpdated"] == ["failedCharges"]
    same = data_of(edit(client, administrator, mine, **{**row, "failedCharges": 3}))
    assert (same["fieldsUpdated"], same["changes"]) == ([], [])


def test_edits_that_make_no_sense(
    client: FlaskClient, shop: Shop, administrator: Person, customer: Person, mine: uuid.UUID
) -> None:
    refused(edit(client, administrator, mine), 400, "subscriptions.nothing_to_edit")
    refused(edit(client, administrator, mine, reason="only a reason"), 400, "subscriptions.nothing_to_edit")
    refused(edit(client, administrator, mine, failedCharges=11), 400, "request.invalid")
    refused(edit(client, administrator, mine, status="ASLEEP"), 400, "request.invalid")
    refused(edit(client, customer, mine, autoRenew=False), 403, "accounts.staff_only")
    refused(
        edit(client, administrator, uuid.uuid4(), autoRenew=False),
        404,
        "subscriptions.no_such_subscription",
    )
    shop.cancel(customer, mine)
    refused(edit(client, administrator, mine, autoRenew=True), 400, "subscriptions.not_active")


def test_the_figures(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    customer: Person,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    mine: uuid.UUID,
) -> None:
    def figures(query: str = "") -> dict[str, Any]:
        found: dict[str, Any] = data_of(
            client.get(f"/api/admin/subscriptions/stats{query}", headers=administrator.headers)
        )
        return found

    with asked() as one:
        figures()
    other = person(credit=500_000)
    shop.clock.advance(hours=22)
    shop.order(other, plan_id("n8n-automation", "PRO"))
    gone = shop.order(other, plan_id("ghost-blog"))
    shop.cancel(other, gone)
    with asked() as more:
        found = figures()

    assert len(one) == len(more)
    assert found["overview"] == {
        "totalSubscriptions": 3,
        "activeSubscriptions": 2,
        "cancelledSubscriptions": 1,
        "cancellationRate": 33.33,
    }
    assert found["revenue"] == {"monthlyRecurringRevenue": 200_000, "averageRevenuePerUser": 100_000}
    parts = found["breakdown"]
    assert (parts["byStatus"]["ACTIVE"], parts["byStatus"]["SUSPENDED"]) == (2, 0)
    services = {each["serviceName"]: each for each in parts["byService"]}
    assert services["N8N Automation"]["count"] == services["N8N Automation"]["active"] == 2
    assert services["Ghost Blog"]["monthlyRecurringRevenue"] == 0
    assert sorted(each["monthlyRecurringRevenue"] for each in parts["byPlan"]) == [0, 50_000, 150_000]
    assert figures("?startDate=2026-11-21")["overview"]["totalSubscriptions"] == 2
    assert figures("?endDate=2026-11-20")["overview"]["totalSubscriptions"] == 1
    answer = client.get("/api/admin/subscriptions/stats", headers=customer.headers)
    refused(answer, 403, "accounts.staff_only")


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", ["pro", "basic"]),
        ("?sortBy=createdAt&sortOrder=asc", ["basic", "pro"]),
        ("?sortBy=monthlyPrice&sortOrder=asc", ["basic", "pro"]),
        ("?sortBy=monthlyPrice", ["pro", "basic"]),
        ("?sortBy=endDate&sortOrder=asc", ["basic", "pro"]),
        ("?sortBy=&sortOrder=", ["pro", "basic"]),
    ],
)
def test_the_staffs_list_is_sorted_in_the_database(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    mine: uuid.UUID,
    query: str,
    order: list[str],
) -> None:
    shop.clock.advance(hours=1)
    pro = shop.order(person(credit=500_000), plan_id("n8n-automation", "PRO"))

    listed = data_of(client.get(f"/api/admin/subscriptions{query}", headers=administrator.headers))

    assert [each["id"] for each in listed["subscriptions"]] == [
        str({"basic": mine, "pro": pro}[each]) for each in order
    ]


def test_the_staffs_list_is_not_sorted_by_what_it_does_not_know(
    client: FlaskClient, administrator: Person
) -> None:
    answer = client.get("/api/admin/subscriptions?sortBy=password", headers=administrator.headers)

    refused(answer, 400, "request.invalid")
