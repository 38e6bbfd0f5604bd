"""Customers are deleted while they write, turn coupons into credit, or are deactivated and back."""

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text

from minispod.accounts.errors import NoSuchUser
from minispod.accounts.models import User
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.rules import business_rules
from minispod.subscriptions import departures
from minispod.subscriptions.departures import Applications
from minispod.subscriptions.states import SubscriptionStatus
from minispod.tickets import opening
from minispod.tickets.opening import Wish
from tests.concurrency.waiting import Scene, holding, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

REFERS = text("SELECT 1 FROM users WHERE id = :id FOR KEY SHARE NOWAIT")
WISH = Wish("Cannot open it", "It does not open since this morning.")


@pytest.fixture
def scene(
    shop: Shop, person: Callable[..., Person], administrator: Person, plan_id: Callable[..., uuid.UUID]
) -> Scene:
    return Scene(shop, person(), administrator, plan_id)


def delete(scene: Scene) -> bool:
    deleted: bool = scene.do(
        lambda: departures.delete(
            scene.customer.id, forfeits=10**9, actor=scene.staff.actor, at=scene.clock.now()
        )
    )
    return deleted


def test_who_writes_into_a_ticket_is_not_in_the_way_of_the_deletion_nor_it_in_theirs(scene: Scene) -> None:
    me = scene.customer
    ticket = scene.do(lambda: opening.open_ticket(WISH, user_id=me.id, actor=me.actor, at=scene.clock.now()))
    held = "SELECT 1 FROM tickets WHERE id = :key FOR NO KEY UPDATE"

    with holding(scene.app, held, key=ticket.id) as writer:
        statement = waits_with(
            scene.app,
            writer,
            lambda: delete(scene),
            meanwhile=lambda: writer.execute(REFERS, {"id": me.id}),
        )

    assert "FROM tickets" in statement


def test_a_deletion_does_not_wait_for_a_wallet_that_is_just_used_and_keeps_the_books(scene: Scene) -> None:
    me = scene.customer
    held = "SELECT 1 FROM wallets WHERE user_id = :key FOR NO KEY UPDATE"

    with holding(scene.app, held, key=me.id) as redeeming:
        statement = waits_with(scene.app, redeeming, lambda: delete(scene))

    assert statement == ""
    with scene.app.app_context():
        assert session().get_one(User, me.id).deleted_at is not None


def test_an_order_waits_for_the_deletion_of_its_owner_and_is_refused(scene: Scene) -> None:
    me = scene.customer
    scene.shop.credit(me, 500_000)
    plan = scene.find_plan()
    gone = text("UPDATE users SET deleted_at = created_at, is_active = false WHERE id = :key")

    with (
        holding(scene.app, "SELECT 1 FROM users WHERE id = :key FOR UPDATE", key=me.id) as deleting,
        pytest.raises(NoSuchUser),
    ):
        waits_with(
            scene.app,
            deleting,
            lambda: scene.shop.order(me, plan),
            meanwhile=lambda: deleting.execute(gone, {"key": me.id}),
        )

    assert scene.shop.balance(me) == 500_000


def test_without_tickets_or_money_on_the_way_the_account_is_gone(scene: Scene) -> None:
    assert delete(scene)


def test_who_is_reactivated_at_that_moment_keeps_the_applications(scene: Scene) -> None:
    scene.shop.credit(scene.customer, 500_000)
    mine = scene.subscription()
    blocked = scene.do(
        lambda: departures.deactivate(
            scene.customer.id, Applications.CANCEL, actor=scene.staff.actor, at=scene.clock.now()
        )
    )

    def follow() -> None:
        scene.do(
            lambda: departures.follow(
                mine,
                Applications.CANCEL,
                by="tests",
                token_version=blocked.token_version,
                rules=business_rules(scene.shop.settings),
                actor=system("tests"),
                at=scene.clock.now(),
            )
        )

    back = "UPDATE users SET is_active = true WHERE id = :key"
    with holding(scene.app, back, key=scene.customer.id) as reactivating:
        statement = waits_with(scene.app, reactivating, follow)

    assert "FROM users" in statement
    assert scene.shop.look(mine)[0].status is SubscriptionStatus.ACTIVE
