"""One Idempotency-Key is one order, however many of its requests come at the same moment."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from minispod.kernel.database import session
from minispod.subscriptions.errors import RequestKeyReused
from minispod.subscriptions.models import Subscription
from tests.plugins.app import Person
from tests.plugins.shop import Shop

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]


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
