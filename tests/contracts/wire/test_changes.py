"""Recorded exchanges of upgrading, and of what administrators do with subscriptions."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask

from minispod.instances.states import InstanceStatus
from tests.contracts.wire.conftest import Replay
from tests.contracts.wire.test_subscriptions import buy, pretend
from tests.plugins.app import Person

PlanFinder = Callable[..., uuid.UUID]
People = Callable[..., Person]


@pytest.fixture
def pro(plan_id: PlanFinder) -> uuid.UUID:
    """n8n Pro."""
    return plan_id("n8n-automation", "PRO")


def test_upgrade_options_and_the_upgrade(
    app: Flask, replay: Replay, customer: Person, plan_id: PlanFinder, pro: uuid.UUID
) -> None:
    mine = buy(replay, customer, plan_id())
    pretend(app, InstanceStatus.RUNNING)

    options = replay("subscriptions__billing_info", customer, mine)["data"]
    data = replay("subscriptions__upgrade_ok", customer, mine, pro)["data"]

    [offer] = options["availableUpgrades"]
    assert (offer["id"], offer["canUpgrade"], offer["upgradeCost"]) == (str(pro), True, 100_000)
    assert (data["upgradeCost"], data["actualCharge"], data["isBonusUpgrade"]) == (100_000, 100_000, False)
    detail = replay("subscriptions__detail_after_upgrade", customer, mine)["data"]["subscription"]
    assert (detail["previousPlanId"], detail["monthlyPrice"]) == (str(plan_id()), 150_000)
    assert [each["type"] for each in detail["transactions"]] == ["UPGRADE", "SUBSCRIPTION"]


def test_upgrades_that_are_refused(
    replay: Replay, person: People, plan_id: PlanFinder, pro: uuid.UUID
) -> None:
    owner = person(credit=100_000)
    mine = buy(replay, owner, plan_id())

    short = replay("subscriptions__upgrade_insufficient", owner, mine, pro)
    assert short["data"] == {"currentBalance": 50_000, "requiredAmount": 100_000, "shortfall": 50_000}
    lower = replay("subscriptions__upgrade_lower_tier", owner, mine, plan_id("n8n-automation", "FREE"))
    assert lower["code"] == "subscriptions.not_an_upgrade"
    other = replay("subscriptions__upgrade_other_service", owner, mine, plan_id("ghost-blog"))
    assert other["code"] == "subscriptions.other_service"
    assert "newPlanId" in replay("subscriptions__upgrade_missing", owner, mine)["errors"]
    assert replay("subscriptions__upgrade_unknown_plan", owner, mine)["code"] == "catalog.no_such_plan"


def test_staff_list(replay: Replay, administrator: Person, person: People, plan_id: PlanFinder) -> None:
    john = person(credit=100_000, name="John Doe")
    buy(replay, john, plan_id())
    buy(replay, person(credit=100_000, name="Siti Rahma"), plan_id())

    assert len(replay("admin_subscriptions__list", administrator)["data"]["subscriptions"]) == 2
    [found] = replay("admin_subscriptions__list_filtered", administrator)["data"]["subscriptions"]
    assert found["user"]["name"] == "John Doe"
    assert replay("admin_subscriptions__list_as_user", john)["code"] == "accounts.staff_only"
    assert replay("admin_subscriptions__list_no_token")["code"] == "unauthenticated"


def test_staff_order_for_a_customer(
    replay: Replay, administrator: Person, person: People, plan_id: PlanFinder
) -> None:
    owner, basic = person(credit=50_000), plan_id("ghost-blog")

    bonus = replay("admin_subscriptions__create_bonus", administrator, owner.id, basic)
    assert bonus["message"] == "Bonus subscription created successfully (no charge)"
    assert bonus["data"]["billing"] == {
        "chargeAmount": 0,
        "isBonusSubscription": True,
        "originalPrice": 75_000,
    }
    again = replay("admin_subscriptions__create_duplicate", administrator, owner.id, basic)
    assert again["code"] == "subscriptions.live_subscription_exists"
    assert "you" not in again["message"].lower()  # staff read it about somebody else
    poor = replay(
        "admin_subscriptions__create_insufficient", administrator, owner.id, plan_id("postgresql", "PRO")
    )
    assert poor["data"]["shortfall"] == 50_000
    charged = replay(
        "admin_subscriptions__create_charged", administrator, owner.id, plan_id("n8n-automation", "FREE")
    )
    assert charged["data"]["billing"]["isBonusSubscription"] is False
    assert replay("admin_subscriptions__create_unknown_plan", administrator, owner.id)["code"]
    assert (
        replay("admin_subscriptions__create_unknown_user", administrator, basic)["message"]
        == "User not found"
    )
    assert "userId" in replay("admin_subscriptions__create_validation", administrator)["errors"]


def test_staff_change_the_plan(
    app: Flask,
    replay: Replay,
    customer: Person,
    administrator: Person,
    plan_id: PlanFinder,
    run_jobs: Callable[[], int],
) -> None:
    basic, free = plan_id("ghost-blog"), plan_id("ghost-blog", "FREE")
    mine = buy(replay, customer, basic)

    down = replay("admin_subscriptions__downgrade", administrator, mine, free)["data"]
    up = replay("admin_subscriptions__upgrade_bonus", administrator, mine, basic)["data"]

    assert (down["upgradeCost"], down["actualCharge"], down["proratedDays"]) == (-75_000, -75_000, 30)
    assert (up["upgradeCost"], up["actualCharge"], up["isBonusUpgrade"]) == (75_000, 0, True)
    assert up["upgrade"]["fromPlan"]["planType"] == "FREE"


def test_staff_extend_refund_and_expire(
    replay: Replay, customer: Person, administrator: Person, plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())

    extended = replay("admin_subscriptions__extend", administrator, mine)["data"]
    assert extended["extension"]["newEndDate"] == extended["subscription"]["endDate"]
    assert "extensionDays" in replay("admin_subscriptions__extend_validation", administrator, mine)["errors"]

    refunded = replay("admin_subscriptions__refund", administrator, mine)["data"]
    assert refunded["refund"]["balanceAfter"] - refunded["refund"]["balanceBefore"] == 10_000
    unknown = replay("admin_subscriptions__refund_404", administrator)
    assert unknown["code"] == "subscriptions.no_such_subscription"

    expired = replay("admin_subscriptions__expire", administrator, mine)["data"]
    assert expired["subscription"]["status"] == "EXPIRED"


def test_staff_cancel(
    app: Flask, replay: Replay, customer: Person, administrator: Person, plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())
    pretend(app, InstanceStatus.RUNNING)

    assert "reason" in replay("admin_subscriptions__force_cancel_validation", administrator, mine)["errors"]
    data = replay("admin_subscriptions__force_cancel", administrator, mine)["data"]

    assert data["subscription"]["status"] == "CANCELLED"
    assert (data["refund"]["amount"], data["refund"]["processed"]) == (50_000, True)
    again = replay("admin_subscriptions__force_cancel_again", administrator, mine)
    assert again["code"] == "subscriptions.already_cancelled"
    assert replay("admin_subscriptions__force_cancel_404", administrator)["code"]
