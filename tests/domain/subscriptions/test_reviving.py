"""Credit takes up what waits for it, and nothing else; it needs room on the machines, as an order does."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from minispod.accounts import stewardship
from minispod.accounts.errors import AccountDeactivated, NoSuchUser
from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import departures, revival
from minispod.subscriptions.errors import ClusterFull
from minispod.subscriptions.states import SubscriptionStatus
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


def _revive(shop: Shop, subscription_id: uuid.UUID) -> bool:
    with shop.app.app_context(), unit_of_work():
        return revival.revive(
            subscription_id, rules=business_rules(shop.settings), actor=system("tests"), at=shop.clock.now()
        )


@pytest.fixture
def expired(shop: Shop, customer: Person, mine: uuid.UUID) -> uuid.UUID:
    """Ended for want of credit; by now there is credit again."""
    shop.take_back(customer, 450_000)
    shop.clock.advance(days=60)
    shop.advance(mine)
    shop.credit(customer, 200_000)
    return mine


def test_what_runs_or_was_cancelled_is_not_taken_up(shop: Shop, customer: Person, mine: uuid.UUID) -> None:
    assert not _revive(shop, mine)
    shop.cancel(customer, mine)

    assert not _revive(shop, mine)


def test_what_is_about_to_be_deleted_is_not_taken_up(
    shop: Shop, customer: Person, expired: uuid.UUID
) -> None:
    shop.clock.advance(days=31)

    assert not _revive(shop, expired)
    assert shop.balance(customer) == 200_000


def test_what_credit_does_not_cover_is_passed_over_and_the_next_one_taken_up(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Callable[..., object],
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=300_000)
    dear, cheap = (
        shop.order(owner, plan_id(slug, tier))
        for slug, tier in (("n8n-automation", "PRO"), ("ghost-blog", "BASIC"))
    )
    shop.take_back(owner, shop.balance(owner))
    advance(days=45)
    assert {shop.look(each)[0].status for each in (dear, cheap)} == {SubscriptionStatus.EXPIRED}

    shop.credit(owner, 149_999)
    run_jobs()

    assert not _revive(shop, dear)
    assert [shop.look(each)[0].is_active for each in (dear, cheap)] == [False, True]


def test_without_room_on_the_machines_it_stays_expired_and_nothing_is_charged(
    shop: Shop, customer: Person, expired: uuid.UUID, one_machine: Callable[[int], None]
) -> None:
    one_machine(700)

    with pytest.raises(ClusterFull):
        _revive(shop, expired)

    assert shop.look(expired)[0].status is SubscriptionStatus.EXPIRED
    assert shop.balance(customer) == 200_000


def test_nothing_of_somebody_who_was_deleted_is_taken_up(
    shop: Shop, customer: Person, administrator: Person, expired: uuid.UUID
) -> None:
    with shop.app.app_context(), unit_of_work():
        departures.delete(customer.id, forfeits=10**9, actor=administrator.actor, at=shop.clock.now())

    with shop.app.app_context():
        assert revival.waiting_for_money(customer.id) == []
    assert not _revive(shop, expired)
    assert shop.balance(customer) == 200_000


def test_what_a_deactivated_customer_has_is_taken_up(
    shop: Shop, customer: Person, administrator: Person, expired: uuid.UUID
) -> None:
    with shop.app.app_context(), unit_of_work():
        stewardship.block(customer.id, actor=administrator.actor, at=shop.clock.now())

    with shop.app.app_context():
        assert revival.waiting_for_money(customer.id) == [expired]
    assert _revive(shop, expired)


@pytest.mark.parametrize("is_again", [True, False])
def test_nobody_orders_who_was_deleted_since_the_door_looked(
    shop: Shop,
    customer: Person,
    administrator: Person,
    plan_id: PlanFinder,
    expired: uuid.UUID,
    is_again: bool,
) -> None:
    with shop.app.app_context(), unit_of_work():
        departures.delete(customer.id, forfeits=10**9, actor=administrator.actor, at=shop.clock.now())

    with pytest.raises(NoSuchUser):
        shop.order(customer, plan_id() if is_again else plan_id("ghost-blog"))
    assert shop.balance(customer) == 200_000


def test_a_deactivated_customer_orders_nothing_but_staff_may(
    shop: Shop, customer: Person, administrator: Person, plan_id: PlanFinder
) -> None:
    shop.credit(customer, 200_000)
    with shop.app.app_context(), unit_of_work():
        stewardship.block(customer.id, actor=administrator.actor, at=shop.clock.now())

    with pytest.raises(AccountDeactivated):
        shop.order(customer, plan_id())
    shop.order(replace(customer, actor=administrator.actor), plan_id())
