"""Recorded exchanges of ordering, listing, switching, cancelling and retrying subscriptions."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from flask import Flask

from minispod.catalog.models import Plan
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from tests.contracts.wire.conftest import Replay
from tests.plugins.app import Person

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]
Fresh = Callable[[Person], dict[str, str]]


def change_plan(app: Flask, plan: uuid.UUID, **changes: object) -> None:
    with app.app_context():
        row = session().get_one(Plan, plan)
        for name, value in changes.items():
            setattr(row, name, value)
        session().commit()


def buy(replay: Replay, person: Person, plan: uuid.UUID) -> str:
    return str(replay("subscriptions__create_ok", person, plan)["data"]["subscription"]["id"])


def test_an_order(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    data = replay("subscriptions__create_ok", customer, plan_id())["data"]

    assert (data["chargeAmount"], data["isReactivation"]) == (50_000, False)
    body = replay("subscriptions__create_duplicate", customer, plan_id())
    assert body["data"]["existingSubscriptionId"] == data["subscription"]["id"]


def test_an_order_of_a_free_plan(replay: Replay, person: Callable[..., Person], plan_id: PlanFinder) -> None:
    replay("subscriptions__create_free_plan", person(), plan_id("n8n-automation", "FREE"))


def test_orders_that_are_refused(
    app: Flask, replay: Replay, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    poor = person(credit=1)

    short = replay("subscriptions__create_insufficient_credit", poor, plan_id("n8n-automation", "PRO"))
    assert short["data"] == {"currentBalance": 1, "requiredAmount": 150_000, "shortfall": 149_999}
    assert "planId" in replay("subscriptions__create_missing_plan", poor)["errors"]
    assert replay("subscriptions__create_no_token", None, plan_id())["code"] == "unauthenticated"
    assert replay("subscriptions__create_bad_plan_id", poor)["code"] == "not_found"
    assert replay("subscriptions__create_unknown_plan", poor)["code"] == "catalog.no_such_plan"
    change_plan(app, plan_id(), is_active=False)
    assert replay("subscriptions__create_inactive_plan", poor, plan_id())["code"] == "catalog.no_such_plan"


def test_the_last_slot_is_sold_once(
    app: Flask, replay: Replay, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    change_plan(app, plan_id(), total_quota=1)

    replay("subscriptions__create_last_slot", person(credit=50_000), plan_id())

    body = replay("subscriptions__create_quota_full", person(credit=50_000), plan_id())
    assert body["code"] == "catalog.plan_sold_out"


def test_an_order_takes_up_what_has_expired(
    replay: Replay, customer: Person, plan_id: PlanFinder, advance: Advance, headers_now: Fresh
) -> None:
    mine = buy(replay, customer, plan_id("ghost-blog", "BASIC"))
    replay("subscriptions__auto_renew_off", customer, mine)
    advance(days=31)
    later = replace(customer, headers=headers_now(customer))

    data = replay("subscriptions__create_reactivates_expired", later, plan_id("ghost-blog", "FREE"))["data"]

    assert (data["subscription"]["id"], data["isReactivation"]) == (mine, True)


def test_lists(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    assert replay("subscriptions__list_empty", customer)["data"] == {"subscriptions": []}
    buy(replay, customer, plan_id())
    buy(replay, customer, plan_id("postgresql", "BASIC"))

    listed = replay("subscriptions__list", customer)["data"]["subscriptions"]

    assert [each["service"]["slug"] for each in listed] == ["postgresql", "n8n-automation"]
    assert replay("subscriptions__list_active", customer)["data"]["subscriptions"] == listed
    assert replay("subscriptions__list_without_instances", customer)["data"]["subscriptions"] == listed
    assert "status" in replay("subscriptions__list_bad_status", customer)["errors"]


def test_details(
    replay: Replay, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())

    detail = replay("subscriptions__detail", customer, mine)["data"]["subscription"]

    assert [each["amount"] for each in detail["transactions"]] == [50_000]
    assert replay("subscriptions__detail_404", customer)["code"] == "subscriptions.no_such_subscription"
    assert replay("subscriptions__detail_bad_id", customer)["code"] == "not_found"
    other = replay("subscriptions__detail_of_other_user", person(), mine)
    assert other["code"] == "subscriptions.no_such_subscription"


def test_details_through_renewal_grace_and_expiry(
    replay: Replay,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Advance,
    headers_now: Fresh,
) -> None:
    owner = person(credit=100_000)
    mine = buy(replay, owner, plan_id())

    def after(days: int, name: str) -> dict[str, object]:
        advance(days=days)
        later = replace(owner, headers=headers_now(owner))
        detail: dict[str, object] = replay(name, later, mine)["data"]["subscription"]
        return detail

    renewed = after(31, "subscriptions__detail_after_renewal")
    in_grace = after(31, "subscriptions__detail_in_grace")
    over = after(8, "subscriptions__detail_after_grace")

    assert (renewed["status"], len(renewed["transactions"])) == ("ACTIVE", 2)  # type: ignore[arg-type]
    assert in_grace["status"] == "ACTIVE"
    assert in_grace["gracePeriodEnd"]
    assert over["status"] == "EXPIRED"


def test_switching_renewal(
    replay: Replay, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())

    off = replay("subscriptions__auto_renew_off", customer, mine)["data"]
    on = replay("subscriptions__auto_renew_on", customer, mine)["data"]

    assert (off["billingInfo"]["nextChargeAmount"], on["billingInfo"]["nextChargeAmount"]) == (0, 50_000)
    assert "autoRenew" in replay("subscriptions__auto_renew_validation", customer, mine)["errors"]
    other = replay("subscriptions__auto_renew_other_user", person(), mine)
    assert other["code"] == "subscriptions.no_such_subscription"


def test_cancelling(
    app: Flask, replay: Replay, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())
    other = replay("subscriptions__cancel_other_user", person(), mine)
    assert other["code"] == "subscriptions.no_such_subscription"
    pretend(app, InstanceStatus.RUNNING)

    data = replay("subscriptions__cancel_own", customer, mine)["data"]

    assert (data["subscription"]["status"], data["refundAmount"]) == ("CANCELLED", 0)
    again = replay("subscriptions__cancel_again", customer, mine)
    assert again["code"] == "subscriptions.already_cancelled"
    assert replay("wallet__info_after_cancel", customer)["data"]["wallet"]["creditBalance"] == 450_000


def test_what_never_ran_is_refunded_in_full(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    mine = buy(replay, customer, plan_id())

    data = replay("subscriptions__cancel_own", customer, mine)["data"]

    assert (data["refundAmount"], data["refundProcessed"]) == (50_000, True)


def test_retrying_a_failed_instance(
    app: Flask, replay: Replay, customer: Person, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())
    other = replay("subscriptions__retry_provisioning_other_user", person(), mine)
    assert other["code"] == "subscriptions.no_such_subscription"
    pretend(app, InstanceStatus.ERROR)

    data = replay("subscriptions__retry_provisioning_no_k8s", customer, mine)["data"]

    assert (data["instance"]["status"], data["instance"]["previousStatus"]) == ("PENDING", "ERROR")


def pretend(app: Flask, status: InstanceStatus) -> None:
    """Have the one instance look as if the cluster had brought it there."""
    with app.app_context():
        row = session().query(Instance).one()
        row.status = status
        if status is InstanceStatus.RUNNING:
            row.first_ran_at = row.created_at
        session().commit()


def test_metrics_of_what_is_not_measured(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    body = replay("subscriptions__metrics_no_k8s", customer, buy(replay, customer, plan_id()))

    assert body["code"] == "instances.nothing_measured"
