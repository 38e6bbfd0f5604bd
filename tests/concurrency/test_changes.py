"""Changes of plan and refunds that come at the same moment, with real threads and real commits."""

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.subscriptions.expiry import Step
from minispod.subscriptions.models import Period, Refund
from minispod.subscriptions.states import ChangeState, SubscriptionStatus
from minispod.wallet.models import EntryKind, LedgerEntry
from tests.plugins.app import Person
from tests.plugins.shop import Shop

CROWD = 20
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: PlanFinder) -> uuid.UUID:
    """A running n8n Basic of a customer who has 450,000 left."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


def _tally(results: list[Any]) -> Counter[str]:
    return Counter(each.code if isinstance(each, Refusal) else type(each).__name__ for each in results)


def _charges(shop: Shop, kind: EntryKind) -> list[int]:
    with shop.app.app_context():
        return list(session().scalars(select(LedgerEntry.amount).where(LedgerEntry.kind == kind)))


def test_twenty_upgrades_charge_once(
    shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder, at_once: AtOnce
) -> None:
    pro = plan_id("n8n-automation", "PRO")

    tally = _tally(at_once(CROWD, lambda _: shop.upgrade(customer, mine, pro)))

    assert tally["Changed"] == 1
    assert tally["subscriptions.change_under_way"] == CROWD - 1
    assert _charges(shop, EntryKind.UPGRADE) == [100_000]
    assert shop.balance(customer) == 350_000
    assert (shop.used(plan_id()), shop.used(pro)) == (0, 1)


def test_twenty_upgrades_with_one_key_are_one(
    shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder, at_once: AtOnce
) -> None:
    pro = plan_id("n8n-automation", "PRO")

    results = at_once(CROWD, lambda _: shop.upgrade(customer, mine, pro, "one click"))

    assert [each for each in results if isinstance(each, Exception)] == []
    assert Counter(each.is_repeat for each in results) == {False: 1, True: CROWD - 1}
    assert shop.balance(customer) == 350_000


def test_upgrades_of_many_and_one_slot(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, at_once: AtOnce
) -> None:
    pro = plan_id("n8n-automation", "PRO")
    owners = [person(credit=150_000) for _ in range(10)]
    theirs = [shop.order(owner, plan_id()) for owner in owners]
    _limit(shop, pro, 1)

    tally = _tally(at_once(10, lambda index: shop.upgrade(owners[index], theirs[index], pro)))

    assert tally == {"Changed": 1, "catalog.plan_sold_out": 9}
    assert (shop.used(plan_id()), shop.used(pro)) == (9, 1)
    assert sum(shop.balance(owner) for owner in owners) == 9 * 100_000


def test_moves_in_both_directions_do_not_wait_for_each_other_for_ever(
    shop: Shop,
    person: Callable[..., Person],
    administrator: Person,
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    basic, pro = plan_id(), plan_id("n8n-automation", "PRO")
    owners = [person(credit=300_000) for _ in range(12)]
    theirs = [shop.order(owner, pro if index % 2 else basic) for index, owner in enumerate(owners)]

    results = at_once(
        12,
        lambda index: (
            shop.change_plan(administrator, theirs[index], basic)
            if index % 2
            else shop.upgrade(owners[index], theirs[index], pro)
        ),
    )

    assert _tally(results) == {"Changed": 12}
    assert (shop.used(basic), shop.used(pro)) == (6, 6)


def test_an_upgrade_and_the_renewal_at_once(
    shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder, at_once: AtOnce
) -> None:
    pro = plan_id("n8n-automation", "PRO")
    shop.clock.advance(days=30)

    results = at_once(8, lambda index: shop.advance(mine) if index % 2 else shop.upgrade(customer, mine, pro))

    # The period is over: whoever upgrades before the renewal is told so, and after it pays for the new period.
    renewals = [each for each in results if each == [Step.RENEWED]]
    upgrades = _charges(shop, EntryKind.UPGRADE)
    assert len(renewals) == 1
    assert upgrades in ([], [100_000])
    with shop.app.app_context():
        periods = session().scalars(select(Period.charged).order_by(Period.number)).all()
    assert periods == [50_000, 50_000]
    assert shop.balance(customer) == 400_000 - sum(upgrades)
    assert shop.used(plan_id()) + shop.used(pro) == 1


def test_an_upgrade_and_a_cancellation_at_once(
    shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder, at_once: AtOnce
) -> None:
    pro = plan_id("n8n-automation", "PRO")

    at_once(12, lambda index: shop.cancel(customer, mine) if index % 2 else shop.upgrade(customer, mine, pro))

    assert shop.look(mine)[0].status is SubscriptionStatus.CANCELLED
    assert shop.balance(customer) == 450_000, "an upgrade that was not carried out is given back"
    assert (shop.used(plan_id()), shop.used(pro)) == (0, 0)
    assert all(each.state is ChangeState.RETURNED for each in shop.changes(mine))


def test_a_failing_upgrade_and_a_cancellation_at_once_give_back_once(
    shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder, at_once: AtOnce
) -> None:
    pro = plan_id("n8n-automation", "PRO")
    shop.upgrade(customer, mine, pro)
    shop.put(mine, attempts=shop.settings.cluster.provision_attempts)

    at_once(8, lambda index: shop.cancel(customer, mine) if index % 2 else shop.gives_up(mine))

    assert _charges(shop, EntryKind.UPGRADE_REFUND) == [100_000]
    assert shop.balance(customer) == 450_000
    assert (shop.used(plan_id()), shop.used(pro)) == (0, 0)


def test_twenty_refunds_of_one_charge_never_exceed_it(
    shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, at_once: AtOnce
) -> None:
    tally = _tally(at_once(CROWD, lambda _: shop.refund(administrator, mine, 30_000)))

    assert tally == {"Refunded": 1, "wallet.refund_too_large": CROWD - 1}
    assert shop.balance(customer) == 480_000
    with shop.app.app_context():
        assert session().scalars(select(Refund.amount)).all() == [30_000]


def test_refunds_with_one_key_at_once_are_one(
    shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, at_once: AtOnce
) -> None:
    results = at_once(CROWD, lambda _: shop.refund(administrator, mine, 2_000, "one click"))

    assert [each for each in results if isinstance(each, Exception)] == []
    assert shop.balance(customer) == 452_000


def test_a_refund_and_a_cancellation_with_refund_at_once(
    shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, at_once: AtOnce
) -> None:
    at_once(
        8,
        lambda index: (
            shop.force_cancel(administrator, mine) if index % 2 else shop.refund(administrator, mine, 20_000)
        ),
    )

    assert shop.balance(customer) == 500_000


def _limit(shop: Shop, plan: uuid.UUID, total: int) -> None:
    with shop.app.app_context():
        session().get_one(Plan, plan).total_quota = total
        session().commit()
