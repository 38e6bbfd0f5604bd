"""Notices before the end reach those whose application will really end, and name the reason."""

import uuid
from collections.abc import Callable
from datetime import datetime

from minispod.accounts.models import User
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import graces, reminders
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]


def _notices(shop: Shop, person: Person) -> list[tuple[int, str]]:
    return [
        (row.facts["days_left"], row.facts["reason"])
        for row in shop.messages(person)
        if row.kind.value == "expiry_notice"
    ]


def _days(advance: Advance, number: int) -> None:
    for _ in range(number):
        advance(days=1)


def test_who_stays_away_is_told_before_a_free_plan_lapses(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person()
    mine = shop.order(owner, plan_id("ghost-blog", "FREE"))

    _days(advance, 62)

    assert shop.look(mine)[0].end_reason is not None
    assert _notices(shop, owner) == [(7, "idle"), (3, "idle"), (1, "idle")]


def test_who_was_there_lately_is_not_told(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person()
    shop.order(owner, plan_id("ghost-blog", "FREE"))
    _days(advance, 45)
    with shop.app.app_context(), unit_of_work():
        session().get_one(User, owner.id).signed_in_at = shop.clock.now()

    _days(advance, 20)

    assert _notices(shop, owner) == []


def test_renewal_that_is_off_is_named(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=50_000)
    shop.auto_renew(owner, shop.order(owner, plan_id()), False)

    _days(advance, 24)

    assert _notices(shop, owner) == [(7, "auto_renew_off")]


def test_who_cancelled_since_is_not_told(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    owner = person(credit=50_000)
    mine = shop.order(owner, plan_id())
    shop.auto_renew(owner, mine, False)
    shop.cancel(owner, mine)
    shop.clock.advance(days=27)

    with shop.app.app_context(), unit_of_work():
        reminders.remind(mine, rules=business_rules(shop.settings), at=shop.clock.now())

    assert _notices(shop, owner) == []


def test_who_does_not_want_to_go_on_is_not_reminded_of_the_grace(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=50_000)
    mine = shop.order(owner, plan_id())
    advance(days=31)

    def remind() -> list[str]:
        with shop.app.app_context(), unit_of_work():
            graces.remind(mine, is_asked=True, rules=business_rules(shop.settings), at=shop.clock.now())
        return [row.kind.value for row in shop.messages(owner) if row.kind.value == "grace_reminder"]

    shop.auto_renew(owner, mine, False)
    assert shop.look(mine)[0].grace_until is not None, "no round has come by yet"
    assert remind() == []

    shop.auto_renew(owner, mine, True)
    assert remind() == ["grace_reminder"]
