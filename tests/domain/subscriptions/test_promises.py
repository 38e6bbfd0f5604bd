"""Rules of the promise at their edges: debt, grace, repair window, refunds, and what staff may start."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from minispod.instances import controls
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions import queries
from minispod.subscriptions.models import Period
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.wallet.errors import WalletInDebt
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]


def _due(shop: Shop) -> list[uuid.UUID]:
    with shop.app.app_context():
        return list(queries.due(shop.clock.now()))


class TestDebt:
    """A wallet in debt pays for nothing but free plans (docs/adr/0004)."""

    def test_a_free_plan_can_be_ordered(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
    ) -> None:
        owner = person()
        shop.take_back(owner, 20_000)

        mine = shop.order(owner, plan_id("ghost-blog", "FREE"))

        assert shop.look(mine)[0].is_active
        assert shop.balance(owner) == -20_000
        with pytest.raises(WalletInDebt):
            shop.order(owner, plan_id())

    def test_a_free_plan_renews(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
    ) -> None:
        owner = person()
        mine = shop.order(owner, plan_id("ghost-blog", "FREE"))
        shop.take_back(owner, 20_000)

        advance(days=31)

        subscription, _ = shop.look(mine)
        assert (subscription.period_number, subscription.grace_until) == (2, None)
        assert "grace_started" not in shop.mails(owner)


class TestGrace:
    """Payment grace is for those who want to go on."""

    def test_credit_renews_nothing_that_was_switched_off(
        self,
        shop: Shop,
        person: Callable[..., Person],
        plan_id: PlanFinder,
        advance: Advance,
        run_jobs: Callable[[], int],
    ) -> None:
        owner = person(credit=50_000)
        mine = shop.order(owner, plan_id())
        advance(days=31)
        assert shop.look(mine)[0].grace_until is not None
        shop.auto_renew(owner, mine, False)

        shop.credit(owner, 80_000)
        run_jobs()

        assert shop.balance(owner) == 80_000

    def test_it_ends_at_once_when_renewal_is_switched_off(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
    ) -> None:
        owner = person(credit=50_000)
        mine = shop.order(owner, plan_id())
        advance(days=31)

        shop.auto_renew(owner, mine, False)
        advance(seconds=30)

        subscription, instance = shop.look(mine)
        assert subscription.end_reason is EndReason.AUTO_RENEW_OFF
        assert instance.wanted is Wanted.STOPPED


class TestRepairWindow:
    """Decision 17: 24 hours, whatever is pressed in them; then everything is given back."""

    def test_pressing_retry_does_not_begin_another_window(
        self,
        shop: Shop,
        person: Callable[..., Person],
        plan_id: PlanFinder,
        clock: FrozenClock,
        advance: Advance,
    ) -> None:
        owner = person(credit=50_000)
        mine = shop.order(owner, plan_id())
        until = clock.now() + timedelta(hours=24)
        shop.put(mine, status=InstanceStatus.ERROR, repair_until=until)
        clock.advance(hours=23, minutes=59)
        with shop.app.app_context(), unit_of_work():
            instance = shop.look(mine)[1]
            controls.retry(instance.id, actor=owner.actor, at=clock.now())

        clock.advance(minutes=2)
        assert _due(shop) == [], "an attempt that is under way may end"
        assert shop.advance(mine) == []

        shop.put(mine, status=InstanceStatus.ERROR)
        advance(seconds=30)

        subscription, _ = shop.look(mine)
        assert subscription.end_reason is EndReason.NOT_PROVISIONED
        assert shop.balance(owner) == 50_000


class TestRefund:
    """What never ran costs nothing (decisions 13 and 17)."""

    def test_all_its_months_are_given_back(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
    ) -> None:
        owner = person(credit=200_000)
        mine = shop.order(owner, plan_id())
        advance(days=62)
        assert shop.balance(owner) == 50_000

        assert shop.cancel(owner, mine) == 150_000

        assert shop.balance(owner) == 200_000
        with shop.app.app_context():
            periods = session().scalars(select(Period).where(Period.subscription_id == mine)).all()
            assert [period.refunded for period in periods] == [50_000] * 3

    def test_what_ran_keeps_its_price(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, clock: FrozenClock
    ) -> None:
        owner = person(credit=50_000)
        mine = shop.order(owner, plan_id())
        shop.put(mine, first_ran_at=clock.now(), status=InstanceStatus.RUNNING)

        assert shop.cancel(owner, mine) == 0
        assert shop.balance(owner) == 0
        assert shop.look(mine)[0].status is SubscriptionStatus.CANCELLED
