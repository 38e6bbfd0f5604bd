"""Coupons used at the same moment, with real threads and real commits: no limit is passed, none is lost."""

import uuid
from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import unit_of_work
from minispod.onboarding.signup import register
from minispod.promotions import issuing, redeeming
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.states import CouponStatus, CouponType
from minispod.subscriptions.models import Period
from minispod.wallet.models import LedgerEntry, Wallet
from tests.factories.coupons import STAFF, put_coupon
from tests.plugins.app import START, Person
from tests.plugins.shop import Shop
from tests.proofs import assert_coupons_add_up, assert_wallets_add_up

CROWD = 50
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]


def redeem(app: Flask, code: str, who: Person, request_key: str | None = None) -> str:
    with app.app_context(), unit_of_work():
        redeeming.redeem_credit(code, user_id=who.id, request_key=request_key, actor=who.actor, at=START)
        return "redeemed"


def tally(results: list[Any]) -> Counter[str]:
    return Counter(each.code if isinstance(each, Refusal) else str(each) for each in results)


def check_books(app: Flask, **used: int) -> int:
    """Each coupon was used so often, wallets and counters agree; returns the sum of all wallets."""
    with app.app_context():
        counted = session().execute(select(Coupon.code, Coupon.used_count)).all()
        assert dict(counted) == used
        assert_coupons_add_up()
        assert_wallets_add_up()
        entries = session().scalar(select(func.count(Redemption.entry_id)))
        written = select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == "coupon")
        assert session().scalar(written) == entries
        return int(session().scalar(select(func.sum(Wallet.balance))) or 0)


def test_fifty_customers_and_one_use(app: Flask, person: Callable[..., Person], at_once: AtOnce) -> None:
    people = [person() for _ in range(CROWD)]
    with app.app_context():
        put_coupon("ONE", max_uses=1, at=START)

    results = tally(at_once(CROWD, lambda index: redeem(app, "ONE", people[index])))

    assert results == {"redeemed": 1, "promotions.used_up": CROWD - 1}
    assert check_books(app, ONE=1) == 50_000


def test_fifty_customers_and_seven_uses(app: Flask, person: Callable[..., Person], at_once: AtOnce) -> None:
    people = [person() for _ in range(CROWD)]
    with app.app_context():
        put_coupon("SEVEN", max_uses=7, max_uses_per_user=3, at=START)

    results = tally(at_once(CROWD, lambda index: redeem(app, "SEVEN", people[index % 5])))

    assert results["redeemed"] == 7
    assert check_books(app, SEVEN=7) == 7 * 50_000


@pytest.mark.parametrize("allowed", [1, 2])
def test_one_customer_fifty_times(app: Flask, customer: Person, at_once: AtOnce, allowed: int) -> None:
    with app.app_context():
        put_coupon("MINE", max_uses_per_user=allowed, at=START)

    results = tally(at_once(CROWD, lambda _: redeem(app, "MINE", customer)))

    assert results == {"redeemed": allowed, "promotions.already_redeemed": CROWD - allowed}
    assert check_books(app, MINE=allowed) == 500_000 + allowed * 50_000


def test_one_request_that_comes_ten_times(app: Flask, customer: Person, at_once: AtOnce) -> None:
    with app.app_context():
        put_coupon("MINE", max_uses_per_user=100, at=START)

    results = tally(at_once(10, lambda _: redeem(app, "MINE", customer, "key-1")))

    assert results == {"redeemed": 10}
    assert check_books(app, MINE=1) == 550_000


def test_fifty_orders_and_one_use(
    app: Flask, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, at_once: AtOnce
) -> None:
    plan = plan_id()
    people = [person(credit=50_000) for _ in range(CROWD)]
    with app.app_context():
        put_coupon("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT, max_uses=1, at=START)

    results = at_once(CROWD, lambda index: shop.place(people[index], plan, coupon="SAVE20").charged)

    assert tally(results) == {"40000": 1, "promotions.used_up": CROWD - 1}
    assert check_books(app, SAVE20=1) == CROWD * 50_000 - 40_000
    assert shop.used(plan) == 1


def test_orders_of_one_customer_with_one_coupon(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder, at_once: AtOnce
) -> None:
    plans = [plan_id("n8n-automation"), plan_id("ghost-blog"), plan_id("postgresql")]
    with app.app_context():
        put_coupon("FREEBIE", CouponType.FREE_SERVICE, at=START)

    results = at_once(30, lambda index: shop.place(customer, plans[index % 3], coupon="FREEBIE").charged)

    assert tally(results)["0"] == 1
    assert check_books(app, FREEBIE=1) == 500_000
    with app.app_context():
        assert len(session().scalars(select(Period.redemption_id)).all()) == 1


def test_orders_redemptions_cancellations_and_staff_at_once(
    app: Flask, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, at_once: AtOnce
) -> None:
    plans = [plan_id("n8n-automation"), plan_id("ghost-blog")]
    people = [person(credit=50_000) for _ in range(6)]
    with app.app_context():
        gift = put_coupon("GIFT", max_uses=5, at=START)
        save = put_coupon(
            "SAVE20", CouponType.SUBSCRIPTION_DISCOUNT, max_uses=4, max_uses_per_user=2, at=START
        )

    def act(index: int) -> object:
        who = people[index % len(people)]
        if index % 4 == 0:
            return redeem(app, "GIFT", who)
        if index % 4 == 3:
            status = CouponStatus.ACTIVE if index % 8 == 3 else CouponStatus.DISABLED
            with app.app_context(), unit_of_work():
                return issuing.set_status([save.id, gift.id], status, actor=STAFF, at=START)
        placed = shop.place(who, plans[index % 2], coupon="SAVE20")
        return shop.cancel(who, placed.subscription.id)

    results = at_once(48, act)

    assert [each for each in results if isinstance(each, Exception) and not isinstance(each, Refusal)] == []
    with app.app_context():
        used = dict(session().execute(select(Coupon.code, Coupon.used_count)).all())
    assert used["SAVE20"] == 0
    assert check_books(app, **used) == 6 * 50_000 + used["GIFT"] * 50_000


def test_a_coupon_that_is_deleted_while_it_is_redeemed(
    app: Flask, person: Callable[..., Person], at_once: AtOnce
) -> None:
    people = [person() for _ in range(10)]
    with app.app_context():
        coupon = put_coupon("GIFT", at=START)

    def act(index: int) -> object:
        if index:
            return redeem(app, "GIFT", people[index])
        with app.app_context(), unit_of_work():
            issuing.delete(coupon.id, actor=STAFF, at=START)
            return "deleted"

    results = tally(at_once(10, act))

    if results["deleted"]:
        assert results["redeemed"] == 0
        assert check_books(app) == 0
    else:
        assert results == {"promotions.redeemed": 1, "redeemed": 9}
        assert check_books(app, GIFT=9) == 9 * 50_000


def test_accounts_that_open_at_once_share_the_welcome_bonuses(
    app: Flask, at_once: AtOnce, clock: FrozenClock
) -> None:
    with app.app_context():
        put_coupon("WELCOME", CouponType.WELCOME_BONUS, at=START)
        put_coupon("FIRST3", CouponType.WELCOME_BONUS, credit_amount=5_000, max_uses=3, at=START)

    def open_account(index: int) -> str:
        with app.app_context(), unit_of_work():
            register(
                name="Siti",
                email=f"{index}@example.com",
                password="correct horse",
                with_welcome_bonus=True,
                bcrypt_rounds=4,
                frontend_url="http://localhost:3100",
                actor=STAFF,
                at=clock.now(),
            )
            return "opened"

    assert tally(at_once(12, open_account)) == {"opened": 12}
    assert check_books(app, WELCOME=12, FIRST3=3) == 12 * 20_000 + 3 * 5_000


@pytest.mark.parametrize("act", ["change", "delete"])
def test_staff_wait_for_a_use_under_way_and_see_it(
    app: Flask, customer: Person, act: str, at_once: AtOnce
) -> None:
    with app.app_context():
        coupon = put_coupon("GIFT", max_uses_per_user=2, at=START)
    if act == "change":
        redeem(app, "GIFT", customer)
    redeemed = Event()

    def use(_: int) -> str:
        with app.app_context(), unit_of_work():
            redeeming.redeem_credit("GIFT", user_id=customer.id, actor=customer.actor, at=START)
            redeemed.set()
            wait_until_somebody_waits()
        return "redeemed"

    def decide(_: int) -> str:
        assert redeemed.wait(timeout=60)
        with app.app_context(), unit_of_work():
            if act == "change":
                issuing.change(coupon.id, {"max_uses": 1}, actor=STAFF, at=START)
            else:
                issuing.delete(coupon.id, actor=STAFF, at=START)
        return "decided"

    results = tally(at_once(2, lambda index: (use, decide)[index](index)))

    assert results == {"redeemed": 1, f"promotions.{'bad_terms' if act == 'change' else 'redeemed'}": 1}


def wait_until_somebody_waits() -> None:
    """Hold on, in a transaction, until another one waits for its locks."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(20_000):
        if session().scalar(waiting):
            return
    raise AssertionError("nobody waits")
