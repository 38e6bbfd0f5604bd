"""What staff grant: bonus periods, extensions, an early end; each with its reason."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from minispod.audit import trail
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import cancellation, expiry, ordering
from minispod.subscriptions.errors import (
    LiveSubscriptionExists,
    NotActive,
)
from minispod.subscriptions.models import Period
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from minispod.wallet.errors import InsufficientCredit, RefundTooLarge
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


class TestBonus:
    """A period that is waived for a reason costs nothing and returns nothing (decision 13)."""

    @pytest.fixture
    def grant(self, shop: Shop, administrator: Person) -> Callable[..., uuid.UUID]:
        def order(person: Person, plan: uuid.UUID, *, is_waived: bool = True) -> uuid.UUID:
            with shop.app.app_context(), unit_of_work():
                placed = ordering.place_order(
                    plan,
                    user_id=person.id,
                    reason="compensation for an outage",
                    is_waived=is_waived,
                    rules=business_rules(shop.settings),
                    sealer=shop.ports.sealer,
                    actor=administrator.actor,
                    at=shop.clock.now(),
                )
                return placed.subscription.id

        return order

    def test_is_recorded_as_a_waiver_and_renewed_at_its_price(
        self,
        shop: Shop,
        person: People,
        grant: Callable[..., uuid.UUID],
        plan_id: PlanFinder,
        advance: Advance,
    ) -> None:
        owner = person(credit=50_000)
        mine = grant(owner, plan_id())

        first = _period(shop, mine)
        assert (first.price, first.charged, first.waived_reason) == (50_000, 0, "compensation for an outage")
        assert shop.balance(owner) == 50_000
        assert shop.used(plan_id()) == 1
        advance(days=31)
        second = _period(shop, mine, 2)
        assert (second.charged, second.waived_reason) == (50_000, None)

    def test_returns_nothing(
        self,
        shop: Shop,
        person: People,
        administrator: Person,
        grant: Callable[..., uuid.UUID],
        plan_id: PlanFinder,
    ) -> None:
        owner = person(credit=1_000)
        mine = grant(owner, plan_id())
        shop.runs(mine)

        with pytest.raises(RefundTooLarge):
            shop.refund(administrator, mine, 1)
        assert shop.force_cancel(administrator, mine) == 0
        assert shop.balance(owner) == 1_000

    def test_is_refused_as_any_order_is(
        self, shop: Shop, person: People, grant: Callable[..., uuid.UUID], plan_id: PlanFinder
    ) -> None:
        owner = person()
        grant(owner, plan_id())

        with pytest.raises(LiveSubscriptionExists):
            grant(owner, plan_id())
        with pytest.raises(InsufficientCredit):
            grant(owner, plan_id("postgresql", "BASIC"), is_waived=False)

    def test_without_a_reason_is_a_fault_of_the_program(
        self, shop: Shop, customer: Person, plan_id: PlanFinder
    ) -> None:
        with shop.app.app_context(), pytest.raises(ValueError, match="reason"), unit_of_work():
            ordering.place_order(
                plan_id(),
                user_id=customer.id,
                is_waived=True,
                rules=business_rules(shop.settings),
                sealer=shop.ports.sealer,
                actor=customer.actor,
                at=shop.clock.now(),
            )


class TestExtending:
    """Staff let a period end later, for nothing."""

    def test_moves_the_end_and_the_periods_after_it(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, advance: Advance
    ) -> None:
        ends = shop.look(mine)[0].ends_at

        shop.extend(administrator, mine, 7)

        assert shop.look(mine)[0].ends_at == _period(shop, mine).ends_at == ends + timedelta(days=7)
        assert shop.balance(customer) == 450_000
        assert shop.mails(customer).count("extended") == 1
        advance(days=36)
        assert shop.balance(customer) == 450_000
        advance(days=2)
        second = _period(shop, mine, 2)
        assert second.starts_at == ends + timedelta(days=7)
        assert shop.look(mine)[0].ends_at == second.ends_at == datetime.fromisoformat("2027-01-27T03:00:00Z")
        assert shop.balance(customer) == 400_000

    def test_ends_a_payment_grace(
        self, shop: Shop, person: People, administrator: Person, plan_id: PlanFinder, advance: Advance
    ) -> None:
        owner = person(credit=50_000)
        mine = shop.order(owner, plan_id())
        advance(days=31)
        assert shop.look(mine)[0].grace_until is not None

        shop.extend(administrator, mine, 30)

        assert shop.look(mine)[0].grace_until is None
        assert shop.advance(mine) == []

    def test_of_what_has_ended_is_refused(
        self, shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID
    ) -> None:
        shop.cancel(customer, mine)

        with pytest.raises(NotActive):
            shop.extend(administrator, mine, 7)


def test_staff_expire_a_subscription_and_its_data_are_kept(
    shop: Shop, customer: Person, administrator: Person, mine: uuid.UUID, plan_id: PlanFinder
) -> None:
    def expire() -> None:
        with shop.app.app_context(), unit_of_work():
            expiry.expire(
                mine,
                reason="broke the rules of the house",
                rules=business_rules(shop.settings),
                actor=administrator.actor,
                at=shop.clock.now(),
            )

    expire()

    subscription, _ = shop.look(mine)
    assert (subscription.status, subscription.end_reason) == (
        SubscriptionStatus.EXPIRED,
        EndReason.ADMINISTRATOR,
    )
    assert (subscription.auto_renew, shop.used(plan_id())) == (False, 0)
    assert subscription.retention_until == shop.clock.now() + timedelta(days=30)
    with pytest.raises(NotActive):
        expire()


def test_switching_renewal_off_keeps_the_reason(shop: Shop, administrator: Person, mine: uuid.UUID) -> None:

    with shop.app.app_context():
        with unit_of_work():
            cancellation.set_auto_renew(
                mine, False, reason="asked by phone", actor=administrator.actor, at=shop.clock.now()
            )
        [line] = trail.search(PageRequest(), action="subscription.auto_renew_changed").items
    assert line.details["reason"] == "asked by phone"
