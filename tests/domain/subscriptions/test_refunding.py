"""Refunds: never more than was paid, newest charges first, and only what is not used when staff cancel."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions import refunding
from minispod.subscriptions.errors import (
    AlreadyCancelled,
    RequestKeyReused,
)
from minispod.subscriptions.models import Period, Refund
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.wallet.errors import RefundTooLarge
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, Wallet
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]
People = Callable[..., Person]


def _period(shop: Shop, mine: uuid.UUID, number: int = 1) -> Period:
    with shop.app.app_context():
        return (
            session()
            .scalars(select(Period).where(Period.subscription_id == mine, Period.number == number))
            .one()
        )


class TestPartial:
    """A part of what was paid."""

    def test_comes_back_with_its_reason_and_lessens_what_was_spent(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        done = shop.refund(administrator, mine, 10_000)

        assert (done.amount, shop.balance(customer)) == (10_000, 460_000)
        assert _period(shop, mine).refunded == 10_000
        [made] = done.refunds
        assert (made.period_id, made.actor_id) == (_period(shop, mine).id, administrator.id)
        with shop.app.app_context():
            entry = session().get_one(LedgerEntry, made.entry_id)
            assert (entry.type, entry.kind) == (EntryType.REFUND, EntryKind.PERIOD_REFUND)
            assert entry.details["reason"] == "an outage of three hours"
            wallet = session().get_one(Wallet, customer.id)
            assert (wallet.total_spent, wallet.total_top_up) == (40_000, 500_000)
        assert shop.mails(customer).count("refunded") == 1

    def test_never_exceeds_the_charge_however_often(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        shop.refund(administrator, mine, 30_000)
        shop.refund(administrator, mine, 20_000)

        for amount in (1, 50_000):
            with pytest.raises(RefundTooLarge) as refusal:
                shop.refund(administrator, mine, amount)
            assert refusal.value.details == {"refundable": 0, "requested": amount}
        with pytest.raises(RefundTooLarge):
            shop.refund(administrator, mine, None)
        assert shop.balance(customer) == 500_000

    def test_takes_the_newest_charges_first(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, pro: uuid.UUID
    ) -> None:
        shop.clock.advance(days=10)
        shop.upgrade(customer, mine, pro)
        shop.runs(mine)

        done = shop.refund(administrator, mine, 70_000)

        assert [each.amount for each in done.refunds] == [66_667, 3_333]
        assert [each.change_id is not None for each in done.refunds] == [True, False]
        assert shop.changes(mine)[0].refunded == 66_667

    def test_all_that_is_left(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, advance: Advance
    ) -> None:
        advance(days=31)
        shop.refund(administrator, mine, 10_000)

        assert shop.refund(administrator, mine, None).amount == 90_000
        assert shop.balance(customer) == 500_000

    def test_repeated_with_its_key_is_given_once(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        first = shop.refund(administrator, mine, 10_000, "one click")
        again = shop.refund(administrator, mine, 10_000, "one click")

        assert again.is_repeat
        assert [each.id for each in again.refunds] == [each.id for each in first.refunds]
        assert shop.balance(customer) == 460_000
        with pytest.raises(RequestKeyReused):
            shop.refund(administrator, mine, 20_000, "one click")

    def test_of_what_was_cancelled_is_possible(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        shop.cancel(customer, mine)

        shop.refund(administrator, mine, 50_000)

        assert shop.balance(customer) == 500_000

    @pytest.mark.parametrize("amount", [0, -1])
    def test_of_nothing_is_refused(
        self, shop: Shop, administrator: Person, mine: uuid.UUID, amount: int
    ) -> None:
        with pytest.raises(RefundTooLarge):
            shop.refund(administrator, mine, amount)

    def test_of_one_charge_alone(
        self, shop: Shop, administrator: Person, mine: uuid.UUID, advance: Advance
    ) -> None:
        advance(days=31)
        because = refunding.Because("Refund of the first month", "promised on the phone")

        def give(amount: int) -> Refund:
            with shop.app.app_context(), unit_of_work():
                subscription, _ = shop.look(mine)
                first = session().merge(_period(shop, mine), load=False)
                return refunding.give_back_of(
                    subscription,
                    first,
                    amount,
                    because=because,
                    actor=administrator.actor,
                    at=shop.clock.now(),
                )

        give(50_000)
        with pytest.raises(RefundTooLarge):
            give(1)
        assert _period(shop, mine, 2).refunded == 0

    def test_the_database_refuses_what_the_act_would_not(self, shop: Shop, mine: uuid.UUID) -> None:
        with shop.app.app_context(), pytest.raises(Exception, match="refund_within_charge"), unit_of_work():
            session().get_one(Period, _period(shop, mine).id).refunded = 50_001  # type: ignore[assignment]


class TestForceCancel:
    """Staff end it, with what is not used."""

    @pytest.mark.parametrize(
        ("after", "back"),
        [
            (timedelta(0), 50_000),
            (timedelta(minutes=1), 48_333),
            (timedelta(days=10), 33_333),
            (timedelta(days=29, hours=1), 0),
        ],
    )
    def test_gives_back_the_days_that_have_not_begun(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        mine: uuid.UUID,
        after: timedelta,
        back: int,
    ) -> None:
        shop.clock.advance(seconds=after.total_seconds())

        assert shop.force_cancel(administrator, mine) == back

        subscription, _ = shop.look(mine)
        assert (subscription.status, subscription.end_reason) == (
            SubscriptionStatus.CANCELLED,
            EndReason.ADMINISTRATOR,
        )
        assert shop.balance(customer) == 450_000 + back
        with pytest.raises(AlreadyCancelled):
            shop.force_cancel(administrator, mine)

    def test_counts_an_upgrade_by_the_days_it_was_bought_for(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, pro: uuid.UUID
    ) -> None:
        shop.clock.advance(days=10)
        shop.upgrade(customer, mine, pro)
        shop.runs(mine)
        shop.clock.advance(days=10)

        # A third of 50,000, and half of the 66,667 that were paid for twenty days.
        assert shop.force_cancel(administrator, mine) == 16_667 + 33_334

    def test_subtracts_what_was_given_back_before(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        shop.refund(administrator, mine, 40_000)

        assert shop.force_cancel(administrator, mine) == 10_000

    def test_after_a_downgrade_gives_back_the_smaller_plans_days(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        pro: uuid.UUID,
        plan_id: PlanFinder,
    ) -> None:
        mine = shop.order(customer, pro)
        shop.runs(mine)
        shop.clock.advance(days=10)
        assert shop.change_plan(administrator, mine, plan_id()).change.credited == 66_667
        shop.clock.advance(days=10)

        # Ten days of Pro and ten of Basic were used: 50,000 and 16,667.
        assert shop.force_cancel(administrator, mine) == 16_666
        assert shop.balance(customer) == 500_000 - 50_000 - 16_667

    def test_of_a_returned_upgrade_nothing_comes_back_twice(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, pro: uuid.UUID
    ) -> None:
        shop.upgrade(customer, mine, pro)
        shop.gives_up(mine)
        shop.clock.advance(days=15)

        assert shop.force_cancel(administrator, mine) == 25_000
        assert shop.balance(customer) == 475_000

    def test_gives_nothing_back_unless_asked(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        assert shop.force_cancel(administrator, mine, with_refund=False) == 0
        assert shop.balance(customer) == 450_000

    def test_gives_all_back_of_what_never_ran(
        self, shop: Shop, customer: Person, administrator: Person, plan_id: PlanFinder
    ) -> None:
        mine = shop.order(customer, plan_id())
        shop.clock.advance(days=3)

        assert shop.force_cancel(administrator, mine) == 50_000

    def test_leaves_earlier_periods_paid(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, advance: Advance
    ) -> None:
        advance(days=31)
        shop.runs(mine)

        assert shop.force_cancel(administrator, mine) <= 50_000
        assert _period(shop, mine).refunded == 0
