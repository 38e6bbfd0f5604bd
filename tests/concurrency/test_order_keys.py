"""One Idempotency-Key is one order, however many of its requests come at the same moment."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from minispod.kernel.database import session
from minispod.subscriptions.errors import RequestKeyReused
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from tests.concurrency.waiting import holding, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]
# What an order of something else would have written: the key is taken, and nobody sees it yet.
KEY_IN_USE = """
    INSERT INTO subscriptions (id, user_id, service_id, plan_id, status, price, last_charge, auto_renew, anchor_at,
                               anchor_period, period_number, started_at, ends_at, failed_charges, request_key,
                               created_at, updated_at)
    SELECT gen_random_uuid(), mine.user_id, plans.service_id, plans.id, 'ACTIVE', 0, 0, true, mine.anchor_at, 1, 1,
           mine.started_at, mine.ends_at, 0, 'one click', mine.created_at, mine.updated_at
    FROM subscriptions mine, plans WHERE mine.id = :mine AND plans.id = :other
"""


def test_requests_with_one_key_at_once_are_one_order(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, at_once: AtOnce
) -> None:
    owner, plan = person(credit=50_000), plan_id()

    results = at_once(12, lambda _: shop.place(owner, plan, request_key="one click"))

    assert [each for each in results if isinstance(each, Exception)] == []
    assert {each.subscription.id for each in results} == {results[0].subscription.id}
    assert sorted(each.is_repeat for each in results) == [False] + [True] * 11
    assert shop.balance(owner) == 0


def test_requests_with_one_key_at_once_take_an_expired_one_up_once(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Callable[..., Any],
    at_once: AtOnce,
) -> None:
    owner, plan = person(credit=100_000), plan_id()
    mine = shop.order(owner, plan)
    shop.auto_renew(owner, mine, False)
    advance(days=31)

    results = at_once(8, lambda _: shop.place(owner, plan, request_key="again"))

    assert [each for each in results if isinstance(each, Exception)] == []
    assert sorted(each.is_repeat for each in results) == [False] + [True] * 7
    assert shop.balance(owner) == 0


def test_a_key_that_comes_with_another_wish_is_refused(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    owner = person(credit=200_000)
    shop.place(owner, plan_id(), request_key="one click")

    with pytest.raises(RequestKeyReused):
        shop.place(owner, plan_id("postgresql", "PRO"), request_key="one click")

    with shop.app.app_context():
        assert session().scalar(select(func.count()).select_from(Subscription)) == 1


def test_taking_one_up_with_a_key_that_another_order_is_just_using_is_refused(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Callable[..., Any]
) -> None:
    owner, plan = person(credit=300_000), plan_id()
    mine = shop.order(owner, plan)
    shop.auto_renew(owner, mine, False)
    advance(days=31)
    balance = shop.balance(owner)

    other = {"mine": mine, "other": plan_id("postgresql", "PRO")}
    with holding(shop.app, KEY_IN_USE, **other) as holder, pytest.raises(RequestKeyReused):
        waits_with(shop.app, holder, lambda: shop.place(owner, plan, request_key="one click"))

    with shop.app.app_context():
        assert session().get_one(Subscription, mine).status is SubscriptionStatus.EXPIRED
    assert shop.balance(owner) == balance


def test_a_key_stays_with_its_order_when_the_service_is_ordered_again_without_one(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Callable[..., Any]
) -> None:
    owner, plan = person(credit=200_000), plan_id()
    mine = shop.place(owner, plan, request_key="one click").subscription.id
    shop.auto_renew(owner, mine, False)
    advance(days=31)

    again = shop.place(owner, plan, request_key="one click")

    assert again.is_repeat, "the same key is the same request, whatever became of it"
    assert shop.balance(owner) == 150_000


def test_a_key_stays_with_its_order_when_it_was_extended_renewed_or_upgraded_since(
    shop: Shop,
    person: Callable[..., Person],
    administrator: Person,
    plan_id: PlanFinder,
    advance: Callable[..., Any],
) -> None:
    owner, plan = person(credit=500_000), plan_id()
    mine = shop.place(owner, plan, request_key="one click").subscription.id

    def repeated() -> tuple[bool, uuid.UUID, int]:
        again = shop.place(owner, plan, request_key="one click")
        return again.is_repeat, again.subscription.id, again.charged

    shop.extend(administrator, mine, 3)
    assert repeated() == (True, mine, 50_000)
    advance(days=40)
    assert repeated() == (True, mine, 50_000)
    shop.upgrade(owner, mine, plan_id("n8n-automation", "PRO"))
    assert repeated() == (True, mine, 50_000)
