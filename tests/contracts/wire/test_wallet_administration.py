"""Recorded exchanges of the wallet administration, and of the customer's own statistics and credit check."""

import uuid
from collections.abc import Callable

from flask import Flask

from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger
from minispod.wallet.ledger import Posting
from minispod.wallet.models import EntryKind, EntryType
from tests.contracts.wire.conftest import Replay
from tests.plugins.app import Person

PlanFinder = Callable[..., uuid.UUID]


def test_statistics_of_a_newcomer(replay: Replay, person: Callable[..., Person]) -> None:
    newcomer = person()

    for name in ("wallet__statistics", "wallet__statistics_week"):
        found = replay(name, newcomer)["data"]["statistics"]
        assert (found["overview"]["totalAmount"], found["recentActivity"]) == (0, [])
    assert "period" in replay("wallet__statistics_bad_period", newcomer)["errors"]


def test_statistics_after_purchases(
    replay: Replay, app: Flask, person: Callable[..., Person], plan_id: PlanFinder, clock: FrozenClock
) -> None:
    owner = person()
    coupon = Posting(EntryType.COUPON_REDEMPTION, EntryKind.OPENING, "coupon", "A coupon")
    upgrade = Posting(EntryType.UPGRADE, EntryKind.PERIOD, "upgrade", "An upgrade")
    with app.app_context(), unit_of_work():
        ledger.credit(owner.id, 200_000, coupon, actor=system("tests"), at=clock.now())
        ledger.debit(owner.id, 50_000, upgrade, actor=system("tests"), at=clock.now())
    replay("subscriptions__create_ok", owner, plan_id())

    found = replay("wallet__statistics_after_purchases", owner)["data"]["statistics"]

    assert found["byType"]["SUBSCRIPTION"] == {"totalAmount": 50_000, "count": 1}
    assert found["periodStats"]["2026-11"]["byType"]["UPGRADE"] == {"amount": 50_000, "count": 1}
    assert found["overview"] == {
        "totalAmount": 300_000,
        "totalTransactions": 3,
        "averageAmount": 100_000,
    }


def test_a_credit_check(replay: Replay, customer: Person) -> None:
    assert replay("wallet__check_credit_enough", customer)["data"]["creditCheck"]["shortfall"] == 0
    short = replay("wallet__check_credit_short", customer)["data"]["creditCheck"]
    assert (short["hasSufficientCredit"], short["shortfall"]) == (False, 89_500_000)
    assert "amount" in replay("wallet__check_credit_validation", customer)["errors"]


def test_all_wallets(replay: Replay, administrator: Person, customer: Person, plan_id: PlanFinder) -> None:
    replay("subscriptions__create_ok", customer, plan_id())

    figures = replay("admin_wallets__statistics", administrator)["data"]["statistics"]
    listed = replay("admin_wallets__overview", administrator)["data"]["walletOverview"]

    assert figures["users"] == {
        "total": 2,
        "withBalance": 1,
        "withNegativeBalance": 0,
        "withZeroBalance": 1,
    }
    assert listed["summary"]["totalBalance"] == figures["balances"]["totalBalance"] == 450_000
    mine = next(each for each in listed["users"] if each["id"] == str(customer.id))
    assert (mine["creditBalance"], mine["activeSubscriptions"], mine["totalTransactions"]) == (450_000, 1, 2)
    assert replay("admin_wallets__overview_as_user", customer)["code"] == "accounts.staff_only"


def test_one_wallet(replay: Replay, administrator: Person, customer: Person, plan_id: PlanFinder) -> None:
    replay("subscriptions__create_ok", customer, plan_id())

    found = replay("admin_wallets__user", administrator, customer.id)["data"]["walletDetails"]

    assert found["balance"]["current"] == 450_000
    assert len(found["recentTransactions"]) == 2
    assert found["activeSubscriptions"][0]["service"]["slug"] == "n8n-automation"
    assert replay("admin_wallets__user_404", administrator)["code"] == "accounts.no_such_user"


def test_corrections(replay: Replay, administrator: Person, customer: Person) -> None:
    added = replay("admin_wallets__add", administrator, customer.id)["data"]
    assert (added["user"]["previousBalance"], added["user"]["newBalance"]) == (500_000, 525_000)
    assert added["transaction"]["customId"].startswith("TXMP-")
    deducted = replay("admin_wallets__deduct", administrator, customer.id)["data"]
    assert (deducted["user"]["newBalance"], deducted["user"]["totalSpent"]) == (520_000, 5_000)
    refusal = replay("admin_wallets__deduct_too_much", administrator, customer.id)
    assert refusal["code"] == "wallet.insufficient_credit"
    assert refusal["message"] == (
        "Insufficient balance. User has 520000 credits, but 90000000 credits requested for deduction."
    )
    refusal = replay("admin_wallets__add_validation", administrator, customer.id)
    assert refusal["message"] == "Amount must be at least 1,000 IDR"


def test_several_corrections(replay: Replay, administrator: Person, person: Callable[..., Person]) -> None:
    first, second = person(credit=500_000), person(credit=500_000)

    data = replay("admin_wallets__bulk", administrator, first.id, second.id)["data"]

    assert [each["status"] for each in data["results"]] == ["APPLIED", "APPLIED"]
