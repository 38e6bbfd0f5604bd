"""Upgrades over the wire, and what administrators do with subscriptions: what the recordings do not show."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.instances.states import InstanceStatus, Wanted
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
REASON = "an outage of three hours"


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: PlanFinder) -> uuid.UUID:
    """A running n8n Basic of a customer who has 450,000 left."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


def _upgrade(client: FlaskClient, person: Person, mine: uuid.UUID, plan: uuid.UUID, **headers: str) -> Any:
    return client.put(
        f"/api/subscriptions/{mine}/upgrade",
        json={"newPlanId": str(plan)},
        headers={**person.headers, **headers},
    )


def _staff(
    client: FlaskClient, who: Person, method: str, path: str, body: dict[str, object], **more: str
) -> Any:
    return client.open(
        f"/api/admin/subscriptions{path}", method=method, json=body, headers={**who.headers, **more}
    )


def test_the_quote_is_what_the_upgrade_charges(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder
) -> None:
    shop.clock.advance(hours=13)
    options = data_of(client.get(f"/api/subscriptions/{mine}/billing-info", headers=customer.headers))

    data = data_of(_upgrade(client, customer, mine, plan_id("n8n-automation", "PRO")))

    [offer] = options["availableUpgrades"]
    assert offer["upgradeCost"] == data["actualCharge"] == data["upgradeCost"] == 100_000
    assert options["billingInfo"]["daysRemaining"] == data["proratedDays"] == 30
    assert shop.balance(customer) == 350_000


def test_an_upgrade_is_repeated_by_its_key(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder
) -> None:
    pro = plan_id("n8n-automation", "PRO")

    first = data_of(_upgrade(client, customer, mine, pro, **{"Idempotency-Key": "one-click"}))
    again = data_of(_upgrade(client, customer, mine, pro, **{"Idempotency-Key": "one-click"}))

    assert first["actualCharge"] == again["actualCharge"] == 100_000
    assert shop.balance(customer) == 350_000
    refused(_upgrade(client, customer, mine, pro), 409, "subscriptions.change_under_way")


def test_what_is_stopped_is_started_before_it_is_upgraded(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder
) -> None:
    # The dialog of the front end would wait for ever: it closes when the instance runs.
    shop.put(mine, wanted=Wanted.STOPPED, status=InstanceStatus.STOPPED)
    pro = plan_id("n8n-automation", "PRO")

    options = data_of(client.get(f"/api/subscriptions/{mine}/billing-info", headers=customer.headers))
    body = refused(_upgrade(client, customer, mine, pro), 400, "subscriptions.not_started")

    [offer] = options["availableUpgrades"]
    assert (offer["canUpgrade"], offer["quotaAvailable"], offer["reason"]) == (False, True, body["message"])
    assert options["userInfo"]["canUpgradeAny"] is False
    assert "start it first" in body["message"]
    assert shop.balance(customer) == 450_000
    assert shop.changes(mine) == []


def test_an_upgrade_that_cannot_be_made_says_why_in_the_options(
    client: FlaskClient, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    poor = person(credit=60_000)
    mine = shop.order(poor, plan_id())

    options = data_of(client.get(f"/api/subscriptions/{mine}/billing-info", headers=poor.headers))

    assert options["userInfo"] == {"creditBalance": 10_000, "hasUpgradeOptions": True, "canUpgradeAny": False}
    [offer] = options["availableUpgrades"]
    assert (offer["canUpgrade"], offer["quotaAvailable"], bool(offer["reason"])) == (False, True, True)


def test_the_highest_plan_has_no_options(
    client: FlaskClient, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    mine = shop.order(customer, plan_id("n8n-automation", "PRO"))

    options = data_of(client.get(f"/api/subscriptions/{mine}/billing-info", headers=customer.headers))

    assert (options["availableUpgrades"], options["currentPlan"]["planType"]) == ([], "PRO")


def test_options_and_upgrade_of_somebody_else_are_not_found(
    client: FlaskClient, person: Callable[..., Person], mine: uuid.UUID, plan_id: PlanFinder
) -> None:
    other = person(credit=500_000)

    looked = client.get(f"/api/subscriptions/{mine}/billing-info", headers=other.headers)

    refused(looked, 404, "subscriptions.no_such_subscription")
    refused(
        _upgrade(client, other, mine, plan_id("n8n-automation", "PRO")),
        404,
        "subscriptions.no_such_subscription",
    )


def test_a_cancelled_one_has_no_options(
    client: FlaskClient, shop: Shop, customer: Person, mine: uuid.UUID
) -> None:
    shop.cancel(customer, mine)

    looked = client.get(f"/api/subscriptions/{mine}/billing-info", headers=customer.headers)

    refused(looked, 400, "subscriptions.not_active")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("PUT", "/{}/upgrade"),
        ("DELETE", "/{}/force-cancel"),
        ("POST", "/{}/refund"),
        ("PUT", "/{}/extend"),
        ("PUT", "/{}/expire"),
    ],
)
def test_customers_may_not_do_what_staff_do(
    client: FlaskClient, customer: Person, mine: uuid.UUID, method: str, path: str
) -> None:
    refused(_staff(client, customer, method, path.format(mine), {}), 403, "accounts.staff_only")


def test_a_bonus_needs_a_reason(
    client: FlaskClient, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    body: dict[str, object] = {"userId": str(customer.id), "planId": str(plan_id()), "skipCreditCheck": True}

    answer = _staff(client, administrator, "POST", "", body)

    assert "reason" in refused(answer, 400, "request.invalid")["errors"]


def test_a_grant_is_repeated_by_its_key(
    client: FlaskClient, shop: Shop, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    body: dict[str, object] = {"userId": str(customer.id), "planId": str(plan_id())}

    answers = [
        _staff(client, administrator, "POST", "", body, **{"Idempotency-Key": "one-click"}) for _ in range(2)
    ]

    assert [each.status_code for each in answers] == [201, 200]
    assert shop.balance(customer) == 450_000


def test_a_move_by_staff_is_repeated_by_its_key(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    customer: Person,
    mine: uuid.UUID,
    plan_id: PlanFinder,
) -> None:
    body: dict[str, object] = {"newPlanId": str(plan_id(tier="PRO")), "reason": REASON}

    answers = [
        _staff(client, administrator, "PUT", f"/{mine}/upgrade", body, **{"Idempotency-Key": "one-click"})
        for _ in range(2)
    ]

    assert [each.status_code for each in answers] == [200, 200]
    assert len(shop.changes(mine)) == 1


def test_without_terminating_it_runs_to_the_end_of_its_period(
    client: FlaskClient, shop: Shop, administrator: Person, customer: Person, mine: uuid.UUID
) -> None:
    body: dict[str, object] = {"reason": REASON, "terminateInstances": False, "processRefund": True}

    data = data_of(_staff(client, administrator, "DELETE", f"/{mine}/force-cancel", body))

    assert (data["subscription"]["status"], data["subscription"]["autoRenew"]) == ("ACTIVE", False)
    assert (data["refund"]["amount"], data["instancesTerminated"]) == (0, 0)
    assert shop.balance(customer) == 450_000


def test_a_full_refund_gives_all_that_is_left(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    customer: Person,
    mine: uuid.UUID,
    plan_id: PlanFinder,
) -> None:
    data_of(_upgrade(client, customer, mine, plan_id("n8n-automation", "PRO")))
    body: dict[str, object] = {"reason": REASON, "refundType": "FULL"}

    data = data_of(_staff(client, administrator, "POST", f"/{mine}/refund", body))

    assert (data["refund"]["refundAmount"], len(data["refund"]["transactionIds"])) == (150_000, 2)
    assert data["refund"]["balanceAfter"] - data["refund"]["balanceBefore"] == 150_000
    assert shop.balance(customer) == 500_000
    answer = _staff(client, administrator, "POST", f"/{mine}/refund", {**body, "amount": 1})
    assert refused(answer, 400, "wallet.refund_too_large")["data"] == {"refundable": 0, "requested": 1}


def test_a_partial_refund_needs_an_amount(
    client: FlaskClient, administrator: Person, mine: uuid.UUID
) -> None:
    answer = _staff(client, administrator, "POST", f"/{mine}/refund", {"reason": REASON})

    assert "amount" in refused(answer, 400, "request.invalid")["errors"]


@pytest.mark.parametrize("amount", [0, -5, 1.5, "10000.5", 10_000_001, True])
def test_an_amount_that_is_none_is_refused(
    client: FlaskClient, administrator: Person, mine: uuid.UUID, amount: object
) -> None:
    answer = _staff(client, administrator, "POST", f"/{mine}/refund", {"reason": REASON, "amount": amount})

    assert "amount" in refused(answer, 400, "request.invalid")["errors"]


def test_a_refund_is_repeated_by_its_key(
    client: FlaskClient, shop: Shop, administrator: Person, customer: Person, mine: uuid.UUID
) -> None:
    body: dict[str, object] = {"reason": REASON, "amount": 10_000}
    path = f"/{mine}/refund"

    first, again = (
        data_of(_staff(client, administrator, "POST", path, body, **{"Idempotency-Key": "one-click"}))
        for _ in range(2)
    )

    assert first["refund"] == again["refund"]
    assert shop.balance(customer) == 460_000


def test_the_list_is_filtered_by_service(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    customer: Person,
    mine: uuid.UUID,
    plan_id: PlanFinder,
) -> None:
    shop.order(customer, plan_id("postgresql", "BASIC"))
    service = shop.look(mine)[0].service_id

    path = f"/api/admin/subscriptions?serviceId={service}&limit=1"
    data = data_of(client.get(path, headers=administrator.headers))

    assert [each["id"] for each in data["subscriptions"]] == [str(mine)]
    assert (data["pagination"]["totalCount"], data["pagination"]["hasMore"]) == (1, False)


@pytest.mark.parametrize("label", ["INACTIVE", "PENDING_DEPLOYMENT"])
def test_a_label_of_the_front_end_that_is_no_status_matches_nothing(
    client: FlaskClient, administrator: Person, label: str
) -> None:
    path = f"/api/admin/subscriptions?page=1&limit=10&status={label}"

    listed = data_of(client.get(path, headers=administrator.headers))

    assert (listed["subscriptions"], listed["pagination"]["totalCount"]) == ([], 0)
