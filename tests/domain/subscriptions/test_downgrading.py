"""Moves downward, by staff: credited is what was paid and is not used."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest

from minispod.instances.states import InstanceStatus
from minispod.subscriptions.errors import (
    SamePlan,
)
from minispod.subscriptions.states import ChangeState
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]
People = Callable[..., Person]


class TestDowngrade:
    """Downward, by staff; credited is what was paid and is not used (decision 13)."""

    @pytest.fixture
    def big(self, shop: Shop, customer: Person, pro: uuid.UUID) -> uuid.UUID:
        """A running n8n Pro."""
        made = shop.order(customer, pro)
        shop.runs(made)
        return made

    def test_credits_the_difference_and_is_final(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        big: uuid.UUID,
        pro: uuid.UUID,
        plan_id: PlanFinder,
    ) -> None:
        shop.clock.advance(days=10)

        change = shop.change_plan(administrator, big, plan_id()).change

        assert (change.quoted, change.credited, change.state) == (-66_667, 66_667, ChangeState.DONE)
        assert shop.balance(customer) == 350_000 + 66_667
        assert (shop.used(plan_id()), shop.used(pro)) == (1, 0)
        subscription, instance = shop.look(big)
        assert (subscription.price, instance.cpu_milli) == (50_000, 1000)
        shop.gives_up(big)
        assert shop.look(big)[1].status is InstanceStatus.ERROR

    def test_up_and_down_on_one_day_is_for_nothing(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        plan_id: PlanFinder,
    ) -> None:
        shop.clock.advance(days=7, hours=5)
        shop.upgrade(customer, mine, pro)
        shop.runs(mine)

        shop.change_plan(administrator, mine, plan_id())

        assert shop.balance(customer) == 450_000

    def test_credits_nothing_that_was_never_paid(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        plan_id: PlanFinder,
        mine: uuid.UUID,
        pro: uuid.UUID,
    ) -> None:
        shop.change_plan(administrator, mine, pro, is_waived=True)
        shop.runs(mine)

        change = shop.change_plan(administrator, mine, plan_id("n8n-automation", "FREE")).change

        assert (change.quoted, change.credited) == (-150_000, 50_000)
        assert shop.balance(customer) == 500_000

    def test_waived_moves_no_money(
        self, shop: Shop, customer: Person, administrator: Person, big: uuid.UUID, plan_id: PlanFinder
    ) -> None:
        change = shop.change_plan(administrator, big, plan_id(), is_waived=True).change

        assert (change.credited, shop.balance(customer)) == (0, 350_000)

    def test_to_the_same_plan_is_refused(
        self, shop: Shop, administrator: Person, big: uuid.UUID, pro: uuid.UUID
    ) -> None:
        with pytest.raises(SamePlan):
            shop.change_plan(administrator, big, pro)

    def test_needs_no_room_on_full_machines(
        self,
        shop: Shop,
        administrator: Person,
        big: uuid.UUID,
        plan_id: PlanFinder,
        one_machine: Callable[[int], None],
    ) -> None:
        one_machine(100)

        assert not shop.change_plan(administrator, big, plan_id()).change.is_upgrade
