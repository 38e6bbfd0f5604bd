"""A wallet in debt (decision 14): nothing is bought or renewed on it, everybody sees it, and credit pays it first."""

import uuid
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import settling
from minispod.payments.gateway import GatewayStatus
from minispod.wallet.errors import WalletInDebt
from minispod.wallet.models import Wallet
from tests.factories.payments import put_topup
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


def _pays(shop: Shop, owner: Person, amount: int) -> None:
    """A top-up comes in through the gateway's word."""
    with shop.app.app_context():
        topup = put_topup(owner.id, at=shop.clock.now(), amount=amount)
    said = GatewayStatus(
        found=True,
        transaction_id=f"tx-{topup.id}",
        transaction_status="settlement",
        gross_amount=amount,
        currency="IDR",
    )
    with shop.app.app_context(), unit_of_work():
        settling.settle(topup.order_id, said, merchant_id="", actor=system("gateway"), at=shop.clock.now())


@pytest.fixture
def debtor(customer: Person, shop: Shop) -> Person:
    """A customer who owes 100,000."""
    shop.take_back(customer, 600_000)
    return customer


def test_ordering_is_blocked_until_the_debt_is_settled(
    client: FlaskClient, debtor: Person, shop: Shop, plan_id: PlanFinder
) -> None:
    order = {"planId": str(plan_id())}

    blocked = client.post("/api/subscriptions", json=order, headers=debtor.headers)
    refused(blocked, 400, "wallet.in_debt")
    shop.credit(debtor, 99_999)
    with pytest.raises(WalletInDebt):
        shop.order(debtor, plan_id())
    shop.credit(debtor, 50_001)

    assert data_of(client.post("/api/subscriptions", json=order, headers=debtor.headers), 201)
    assert shop.balance(debtor) == 0


def test_a_free_plan_and_an_upgrade_are_blocked_with_the_same_code(
    client: FlaskClient, customer: Person, shop: Shop, plan_id: PlanFinder, clock: FrozenClock
) -> None:
    mine = shop.order(customer, plan_id())
    shop.put(mine, status="RUNNING", first_ran_at=clock.now())
    shop.take_back(customer, 600_000)
    wishes = (
        ("POST", "/api/subscriptions", {"planId": str(plan_id("ghost-blog", "FREE"))}),
        (
            "PUT",
            f"/api/subscriptions/{mine}/upgrade",
            {"newPlanId": str(plan_id("n8n-automation", "PRO"))},
        ),
    )

    for method, path, body in wishes:
        blocked = client.open(path, method=method, json=body, headers=customer.headers)

        refused(blocked, 400, "wallet.in_debt")
        assert "Please top up" in blocked.get_json()["message"]


def test_a_payment_lowers_the_debt_and_one_that_pays_it_wakes_what_waits(
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    clock: FrozenClock,
    advance: Callable[..., object],
    run_jobs: Callable[[], int],
) -> None:
    subscription = shop.order(customer, plan_id())
    shop.put(subscription, first_ran_at=clock.now())
    shop.take_back(customer, 500_000)
    advance(days=31)

    _pays(shop, customer, 30_000)
    run_jobs()
    with shop.app.app_context():
        owing = session().get_one(Wallet, customer.id).gateway_debt
    waiting = shop.look(subscription)[0].waits_for_credit
    _pays(shop, customer, 70_000)
    run_jobs()

    assert (owing, waiting) == (20_000, True)
    assert (shop.look(subscription)[0].period_number, shop.balance(customer)) == (2, 0)


def test_renewal_is_blocked_and_goes_on_when_credit_has_paid_the_debt_first(
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    clock: FrozenClock,
    advance: Callable[..., object],
    run_jobs: Callable[[], int],
) -> None:
    subscription = shop.order(customer, plan_id())
    shop.put(subscription, first_ran_at=clock.now())
    shop.take_back(customer, 500_000)
    advance(days=31)
    assert shop.look(subscription)[0].waits_for_credit
    assert shop.balance(customer) == -50_000

    shop.credit(customer, 60_000)
    run_jobs()
    assert shop.look(subscription)[0].waits_for_credit
    assert shop.balance(customer) == 10_000
    shop.credit(customer, 40_000)
    run_jobs()

    assert shop.look(subscription)[0].period_number == 2
    assert shop.balance(customer) == 0


def test_the_api_says_what_is_owed(client: FlaskClient, debtor: Person, administrator: Person) -> None:
    mine = data_of(client.get("/api/wallet/info", headers=debtor.headers))["wallet"]
    check = data_of(client.post("/api/wallet/check-credit", json={"amount": 1}, headers=debtor.headers))
    path = f"/api/admin/wallets/users/{debtor.id}"
    theirs = data_of(client.get(path, headers=administrator.headers))["walletDetails"]["balance"]
    all_ = data_of(client.get("/api/admin/wallets/statistics", headers=administrator.headers))["statistics"]

    assert (mine["creditBalance"], mine["gatewayDebt"]) == (-100_000, 100_000)
    assert check["creditCheck"]["hasSufficientCredit"] is False
    assert check["creditCheck"]["shortfall"] == 100_001
    assert (theirs["current"], theirs["gatewayDebt"]) == (-100_000, 100_000)
    assert (all_["users"]["withNegativeBalance"], all_["balances"]["totalDebt"]) == (1, 100_000)
