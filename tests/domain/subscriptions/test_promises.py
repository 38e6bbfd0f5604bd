"""Rules of the promise at their edges: debt, grace, repair window, refunds, and what staff may start."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.instances import controls
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponType
from minispod.subscriptions import queries
from minispod.subscriptions.models import Period
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.wallet.errors import WalletInDebt
from tests.factories.coupons import put_coupon
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]


def _due(shop: Shop) -> list[uuid.UUID]:
    with shop.app.app_context():
        return list(queries.due(shop.clock.now()))


class TestDebt:
    """A wallet in debt pays for nothing, not even for what is free (decision 14, docs/adr/0004)."""

    def test_a_free_plan_cannot_be_ordered(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
    ) -> None:
        owner = person()
        shop.take_back(owner, 20_000)

        for plan in (plan_id("ghost-blog", "FREE"), plan_id()):
            with pytest.raises(WalletInDebt):
                shop.order(owner, plan)
        shop.credit(owner, 20_000)

        assert shop.look(shop.order(owner, plan_id("ghost-blog", "FREE")))[0].is_active

    def test_a_coupon_that_takes_all_off_does_not_help_and_is_not_spent(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
    ) -> None:
        owner = person()
        with shop.app.app_context():
            for code, worth in (
                ("ALLOFF", {"type_": CouponType.SUBSCRIPTION_DISCOUNT, "discount_percent": 100}),
                ("FREEBIE", {"type_": CouponType.FREE_SERVICE}),
            ):
                put_coupon(code, at=shop.clock.now(), **worth)
        shop.take_back(owner, 20_000)

        for code in ("ALLOFF", "FREEBIE"):
            with pytest.raises(WalletInDebt):
                shop.place(owner, plan_id(), coupon=code)

        with shop.app.app_context():
            assert session().scalars(select(Coupon.used_count)).all() == [0, 0]

    def test_a_free_plan_waits_in_grace_and_renews_when_the_debt_is_paid(
        self,
        shop: Shop,
        person: Callable[..., Person],
        plan_id: PlanFinder,
        advance: Advance,
        run_jobs: Callable[[], int],
    ) -> None:
        owner = person()
        mine = shop.order(owner, plan_id("ghost-blog", "FREE"))
        shop.put(mine, first_ran_at=shop.clock.now())
        shop.take_back(owner, 20_000)

        advance(days=28)
        advance(days=3)
        waiting, _ = shop.look(mine)
        shop.credit(owner, 19_999)
        run_jobs()
        still, _ = shop.look(mine)
        shop.credit(owner, 1)
        run_jobs()
        renewed, _ = shop.look(mine)

        assert (waiting.is_active, waiting.waits_for_credit, still.waits_for_credit) == (True, True, True)
        assert (renewed.period_number, renewed.grace_until) == (2, None)
        assert (waiting.failed_charges > 0, renewed.failed_charges) == (True, 0)
        [told] = [each for each in shop.messages(owner) if each.kind.value == "grace_started"]
        assert told.facts["owed"] == "Rp 20.000"
        [before] = [each for each in shop.messages(owner) if each.kind.value == "low_credit"]
        assert (before.facts["price_text"], before.facts["owed"]) == ("Rp 0", "Rp 20.000")

    def test_a_free_plan_that_expired_for_debt_comes_back_when_it_is_paid(
        self,
        shop: Shop,
        person: Callable[..., Person],
        plan_id: PlanFinder,
        advance: Advance,
        run_jobs: Callable[[], int],
    ) -> None:
        owner = person()
        mine = shop.order(owner, plan_id("ghost-blog", "FREE"))
        shop.put(mine, first_ran_at=shop.clock.now())
        shop.take_back(owner, 20_000)
        advance(days=31)
        advance(days=8)
        assert shop.look(mine)[0].end_reason is EndReason.NO_CREDIT

        shop.credit(owner, 20_000)
        run_jobs()

        assert (shop.look(mine)[0].is_active, shop.balance(owner)) == (True, 0)

    def test_what_staff_waive_goes_on(
        self, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, administrator: Person
    ) -> None:
        owner = person(credit=50_000)
        mine = shop.order(owner, plan_id())
        shop.put(mine, status=InstanceStatus.RUNNING, first_ran_at=shop.clock.now())
        shop.take_back(owner, 20_000)

        shop.change_plan(administrator, mine, plan_id("n8n-automation", "PRO"), is_waived=True)

        assert shop.balance(owner) == -20_000
        assert shop.changes(mine)[0].charged == 0


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


def test_slots_that_were_counted_wrongly_keep_nobody_from_leaving(
    shop: Shop, customer: Person, mine: uuid.UUID, set_plan: Callable[..., None]
) -> None:
    plan = shop.look(mine)[0].plan_id
    set_plan(plan, used_quota=0)

    shop.cancel(customer, mine)

    assert shop.look(mine)[0].status is SubscriptionStatus.CANCELLED

    with shop.app.app_context():
        assert session().get_one(Plan, plan).used_quota == 0
