"""A coupon at checkout: the first period costs less, the books say why, and what never ran gives the coupon back."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from minispod.catalog import browsing
from minispod.catalog.models import PlanType, Service
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import checkout, issuing
from minispod.promotions.errors import (
    AlreadyRedeemed,
    CouponChanged,
    CouponExpired,
    CouponUsedUp,
    NothingToSave,
    UnknownCode,
    WrongPlan,
    WrongUse,
)
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from minispod.subscriptions.errors import LiveSubscriptionExists, RequestKeyReused
from minispod.subscriptions.models import Period
from minispod.wallet import ledger
from minispod.wallet.errors import InsufficientCredit
from minispod.wallet.models import LedgerEntry
from tests.factories.coupons import STAFF, put_coupon
from tests.plugins.app import START, Person
from tests.plugins.shop import Shop
from tests.proofs import assert_coupons_add_up

pytestmark = pytest.mark.usefixtures("context")
DISCOUNT, FREE = CouponType.SUBSCRIPTION_DISCOUNT, CouponType.FREE_SERVICE
PlanFinder = Callable[..., uuid.UUID]


def periods(subscription_id: uuid.UUID) -> list[Period]:
    session().expire_all()
    wanted = select(Period).where(Period.subscription_id == subscription_id).order_by(Period.number)
    return list(session().scalars(wanted))


def standing(code: str) -> tuple[int, int]:
    """The counter, and the number of redemptions that were ever written."""
    session().expire_all()
    coupon = session().scalars(select(Coupon).where(Coupon.code == code)).one()
    assert_coupons_add_up()
    return coupon.used_count, len(
        session().scalars(select(Redemption.id).where(Redemption.coupon_id == coupon.id)).all()
    )


def test_a_discount_is_taken_off_the_first_period_alone(
    shop: Shop, customer: Person, plan_id: PlanFinder, clock: FrozenClock
) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)

    placed = shop.place(customer, plan_id(), coupon="save20")

    assert (placed.charged, shop.balance(customer)) == (40_000, 460_000)
    clock.advance(days=31)
    shop.advance(placed.subscription.id)
    first, second = periods(placed.subscription.id)
    assert (first.price, first.charged, second.price, second.charged) == (50_000, 40_000, 50_000, 50_000)
    assert placed.redemption is not None
    assert (first.redemption_id, second.redemption_id) == (placed.redemption.id, None)
    assert session().get_one(LedgerEntry, first.entry_id).delta == -40_000
    assert placed.redemption.details["finalAmount"] == 40_000
    assert (placed.redemption.subscription_id, standing("SAVE20")) == (placed.subscription.id, (1, 1))


def test_a_fixed_discount_never_takes_off_more_than_the_price(
    shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    put_coupon("MINUS", DISCOUNT, discount_type=DiscountType.FIXED_AMOUNT, credit_amount=80_000, at=START)

    placed = shop.place(customer, plan_id(), coupon="MINUS")

    assert (placed.charged, shop.balance(customer)) == (0, 500_000)
    assert placed.redemption is not None
    assert placed.redemption.discount_amount == 50_000


@pytest.mark.parametrize("service", [None, "n8n-automation"])
def test_a_free_service_is_a_first_period_for_nothing(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, clock: FrozenClock, service: str | None
) -> None:
    plan = plan_id()
    wanted = session().scalars(select(Service.id).where(Service.slug == service)).one_or_none()
    put_coupon("FREEBIE", FREE, service_id=wanted, at=START)

    placed = shop.place(who := person(), plan, coupon="FREEBIE")

    [first] = periods(placed.subscription.id)
    assert (first.price, first.charged, placed.subscription.price) == (50_000, 0, 50_000)
    assert placed.redemption is not None
    assert first.redemption_id == placed.redemption.id
    assert session().get_one(LedgerEntry, first.entry_id).delta == 0
    clock.advance(days=31)
    assert [step.value for step in shop.advance(placed.subscription.id)] == ["grace_started"]
    assert shop.balance(who) == 0


def test_less_credit_than_the_full_price_is_enough(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)

    assert shop.place(person(credit=40_000), plan_id(), coupon="SAVE20").charged == 40_000
    with pytest.raises(InsufficientCredit):
        shop.place(person(credit=39_999), plan_id(), coupon="SAVE20")

    assert standing("SAVE20") == (1, 1)


def test_what_a_coupon_does_not_allow(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    plan, free = plan_id(), plan_id("n8n-automation", "FREE")
    ghost = session().scalars(select(Service.id).where(Service.slug == "ghost-blog")).one()
    put_coupon("CREDIT", at=START)
    put_coupon("WELCOME", CouponType.WELCOME_BONUS, at=START)
    put_coupon("GHOST", FREE, service_id=ghost, at=START)
    put_coupon("PRO", DISCOUNT, plan_type=PlanType.PRO, at=START)
    put_coupon("OVER", DISCOUNT, valid_until=START, at=START)
    put_coupon("SAVE20", DISCOUNT, at=START)
    refused: list[tuple[str, uuid.UUID, type[Refusal]]] = [
        ("NOSUCH", plan, UnknownCode),
        ("CREDIT", plan, WrongUse),
        ("WELCOME", plan, WrongUse),
        ("GHOST", plan, WrongPlan),
        ("PRO", plan, WrongPlan),
        ("OVER", plan, CouponExpired),
        ("SAVE20", free, NothingToSave),
    ]

    for code, wanted, refusal in refused:
        with pytest.raises(refusal):
            shop.place(customer, wanted, coupon=code)

    assert (shop.balance(customer), shop.used(plan)) == (500_000, 0)
    assert_coupons_add_up()


def test_a_coupon_is_for_one_order_of_a_customer(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)
    shop.place(customer, plan_id(), coupon="SAVE20")

    with pytest.raises(AlreadyRedeemed):
        shop.place(customer, plan_id("ghost-blog", "BASIC"), coupon="SAVE20")

    assert (shop.balance(customer), standing("SAVE20")) == (460_000, (1, 1))


def test_what_never_ran_gives_money_and_coupon_back(
    shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    put_coupon("SAVE20", DISCOUNT, max_uses=1, at=START)
    placed = shop.place(customer, plan_id(), coupon="SAVE20")

    assert shop.cancel(customer, placed.subscription.id) == 40_000

    assert (shop.balance(customer), standing("SAVE20")) == (500_000, (0, 1))
    again = shop.place(customer, plan_id(), coupon="SAVE20")
    assert (again.charged, standing("SAVE20")) == (40_000, (1, 2))


def test_a_free_period_refunds_nothing(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    put_coupon("FREEBIE", FREE, at=START)
    placed = shop.place(customer, plan_id(), coupon="FREEBIE")

    assert shop.cancel(customer, placed.subscription.id) == 0

    assert (shop.balance(customer), standing("FREEBIE")) == (500_000, (0, 1))


def test_what_ran_keeps_its_coupon(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)
    placed = shop.place(customer, plan_id(), coupon="SAVE20")
    shop.put(placed.subscription.id, first_ran_at=START)

    assert shop.cancel(customer, placed.subscription.id) == 0

    assert standing("SAVE20") == (1, 1)


def test_an_expired_subscription_is_taken_up_with_a_discount(
    shop: Shop, customer: Person, plan_id: PlanFinder, clock: FrozenClock
) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)
    mine = shop.order(customer, plan_id())
    shop.auto_renew(customer, mine, wanted=False)
    clock.advance(days=31)
    shop.advance(mine)

    placed = shop.place(customer, plan_id(), coupon="SAVE20")

    assert (placed.is_reactivation, placed.charged, shop.balance(customer)) == (True, 40_000, 410_000)
    assert [each.charged for each in periods(mine)] == [50_000, 40_000]


def test_the_same_request_again_is_the_same_order(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)

    first, again = (shop.place(customer, plan_id(), coupon="SAVE20", request_key="key-1") for _ in range(2))

    assert first.redemption is not None
    assert again.redemption is not None
    assert (again.is_repeat, again.redemption.id, again.charged) == (True, first.redemption.id, 40_000)
    assert (shop.balance(customer), standing("SAVE20")) == (460_000, (1, 1))
    with pytest.raises(RequestKeyReused):
        shop.place(customer, plan_id(), request_key="key-1")


def test_a_coupon_that_changed_since_the_quote_is_refused(customer: Person, plan_id: PlanFinder) -> None:
    coupon = put_coupon("SAVE20", DISCOUNT, at=START)
    plan = browsing.get_plan_for_sale(plan_id())
    quoted = checkout.quote("SAVE20", plan, user_id=customer.id, at=START)

    def use(discount: checkout.Discount) -> Redemption:
        with unit_of_work():
            ledger.hold(customer.id)
            return checkout.use_at_checkout(
                discount,
                plan,
                user_id=customer.id,
                subscription_id=uuid.uuid4(),
                actor=customer.actor,
                at=START,
            )

    def change(**terms: Any) -> None:
        with unit_of_work():
            issuing.change(coupon.id, terms, actor=STAFF, at=START)

    change(discount_percent=10)
    with pytest.raises(CouponChanged):
        use(quoted)
    change(plan_type=PlanType.PRO)
    with pytest.raises(WrongPlan):
        use(quoted)
    change(plan_type=None, status=CouponStatus.EXPIRED)
    with pytest.raises(CouponExpired):
        use(quoted)
    change(status=CouponStatus.ACTIVE, max_uses=1)
    assert use(replace(quoted, amount=Rupiah(5_000))).number == 1
    with pytest.raises(CouponUsedUp):
        use(quoted)


def test_a_period_names_its_coupon_only_where_less_was_charged(
    shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)
    placed = shop.place(customer, plan_id(), coupon="SAVE20")

    [first] = periods(placed.subscription.id)
    with pytest.raises(IntegrityError, match="ck_periods_coupon_takes_off"), unit_of_work():
        first.charged = first.price


@given(price=st.integers(0, 10**8), percent=st.integers(1, 100))
def test_a_percentage_takes_off_its_share_and_never_more(price: int, percent: int) -> None:
    coupon = Coupon(type=DISCOUNT, discount_type=DiscountType.PERCENTAGE, discount_percent=percent)

    off = coupon.takes_off(price)

    assert off * 100 <= price * percent < (off + 1) * 100
    assert 0 <= off <= price


@given(price=st.integers(0, 10**8), amount=st.integers(1_000, 10**7))
def test_a_fixed_amount_leaves_nothing_below_zero(price: int, amount: int) -> None:
    coupon = Coupon(type=DISCOUNT, discount_type=DiscountType.FIXED_AMOUNT, credit_amount=amount)

    assert price - coupon.takes_off(price) == max(0, price - amount)
    assert Coupon(type=FREE).takes_off(price) == price


def test_who_has_it_already_is_told_that_and_not_that_the_coupon_is_used(
    shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    put_coupon("SAVE20", DISCOUNT, at=START)
    mine = shop.place(customer, plan_id(), coupon="SAVE20").subscription.id

    with pytest.raises(LiveSubscriptionExists) as refused:
        shop.place(customer, plan_id(), coupon="SAVE20")

    assert refused.value.details == {"existingSubscriptionId": str(mine)}
