"""What credit takes up again needs room on the machines, as an order does."""

import uuid
from collections.abc import Callable

import pytest

from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import revival
from minispod.subscriptions.errors import ClusterFull
from minispod.subscriptions.states import SubscriptionStatus
from tests.plugins.app import Person
from tests.plugins.shop import Shop


def test_without_room_on_the_machines_it_stays_expired_and_nothing_is_charged(
    shop: Shop, customer: Person, mine: uuid.UUID, one_machine: Callable[[int], None]
) -> None:
    shop.take_back(customer, 450_000)
    shop.clock.advance(days=60)
    shop.advance(mine)
    shop.credit(customer, 200_000)
    one_machine(700)

    with pytest.raises(ClusterFull), shop.app.app_context(), unit_of_work():
        revival.revive(mine, rules=business_rules(shop.settings), actor=system("tests"), at=shop.clock.now())

    assert shop.look(mine)[0].status is SubscriptionStatus.EXPIRED
    assert shop.balance(customer) == 200_000
