"""A coupon becomes credit once, within every limit, and the books tell where it went."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from minispod.audit.models import AuditEntry
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import redeeming
from minispod.promotions.errors import (
    AlreadyRedeemed,
    CouponExpired,
    CouponNotActive,
    CouponNotYetValid,
    CouponUsedUp,
    RequestKeyReused,
    UnknownCode,
    WrongUse,
)
from minispod.promotions.models import Coupon, Redemption
from minispod.promotions.redeeming import Credited
from minispod.promotions.states import CouponStatus, CouponType
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, Wallet
from tests.factories.coupons import put_coupon
from tests.plugins.app import START, Person
from tests.plugins.shop import Shop
from tests.proofs import assert_coupons_add_up

pytestmark = pytest.mark.usefixtures("context")


def redeem(code: str, who: Person, request_key: str | None = None) -> Credited:
    with unit_of_work():
        return redeeming.redeem_credit(
            code, user_id=who.id, request_key=request_key, actor=who.actor, at=START
        )


def counter(code: str) -> int:
    session().expire_all()
    return session().scalars(select(Coupon.used_count).where(Coupon.code == code)).one()


def test_a_coupon_becomes_credit(shop: Shop, customer: Person) -> None:
    put_coupon("GIFT", name="A gift", at=START)

    done = redeem(" gift ", customer)

    assert shop.balance(customer) == 550_000
    entry = done.entry
    assert (entry.type, entry.kind, entry.delta) == (EntryType.COUPON_REDEMPTION, EntryKind.COUPON, 50_000)
    assert entry.description == "Coupon redemption: A gift - 50,000 IDR credit"
    assert (entry.reference, done.redemption.entry_id) == (str(done.redemption.id), entry.id)
    assert counter("GIFT") == 1
    assert session().get_one(Wallet, customer.id).total_top_up == 550_000
    assert session().scalars(select(OutboxRow).where(OutboxRow.task == Task.CREDIT_ARRIVED.value)).all()
    actions = session().scalars(select(AuditEntry.action).where(AuditEntry.subject_kind == "coupon")).all()
    assert sorted(actions) == ["coupon.created", "coupon.redeemed"]


def test_a_customer_redeems_as_often_as_one_may(shop: Shop, customer: Person) -> None:
    put_coupon("TWICE", max_uses_per_user=2, at=START)

    numbers = [redeem("TWICE", customer).redemption.number for _ in range(2)]

    assert numbers == [1, 2]
    with pytest.raises(AlreadyRedeemed):
        redeem("TWICE", customer)
    assert (shop.balance(customer), counter("TWICE")) == (600_000, 2)


def test_the_last_use_is_the_last(shop: Shop, person: Callable[..., Person]) -> None:
    put_coupon("ONE", max_uses=1, at=START)
    redeem("ONE", person())

    with pytest.raises(CouponUsedUp):
        redeem("ONE", late := person())

    assert (shop.balance(late), counter("ONE")) == (0, 1)


def test_without_a_maximum_it_is_never_used_up(person: Callable[..., Person]) -> None:
    put_coupon("ENDLESS", at=START)

    for _ in range(3):
        redeem("ENDLESS", person())

    assert counter("ENDLESS") == 3


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"status": CouponStatus.DISABLED}, CouponNotActive),
        ({"status": CouponStatus.EXPIRED}, CouponExpired),
        ({"valid_until": START}, CouponExpired),
        ({"valid_from": START + timedelta(microseconds=1)}, CouponNotYetValid),
        ({"type_": CouponType.SUBSCRIPTION_DISCOUNT}, WrongUse),
        ({"type_": CouponType.FREE_SERVICE}, WrongUse),
        ({"type_": CouponType.WELCOME_BONUS}, WrongUse),
    ],
)
def test_what_a_coupon_does_not_allow(
    shop: Shop, customer: Person, terms: dict[str, Any], refusal: type[Refusal]
) -> None:
    put_coupon("NOTNOW", at=START, **terms)

    with pytest.raises(refusal):
        redeem("NOTNOW", customer)

    assert (shop.balance(customer), counter("NOTNOW")) == (500_000, 0)


def test_the_first_instant_is_valid(customer: Person) -> None:
    put_coupon("NOW", valid_from=START, valid_until=START + timedelta(microseconds=1), at=START)

    assert redeem("NOW", customer).redemption.number == 1


@pytest.mark.parametrize("code", ["NOSUCH", "gueſt"])
def test_an_unknown_code(customer: Person, code: str) -> None:
    put_coupon("GUEST", at=START)  # "ſ" is another letter, whatever its capital

    with pytest.raises(UnknownCode):
        redeem(code, customer)


def test_a_coupon_that_was_deleted_since_it_was_looked_up(customer: Person) -> None:
    with pytest.raises(UnknownCode), unit_of_work():
        redeeming.take_use(uuid.uuid4(), user_id=customer.id, at=START)


def test_the_same_request_again_is_the_same_redemption(shop: Shop, customer: Person) -> None:
    put_coupon("TWICE", max_uses_per_user=2, at=START)
    put_coupon("OTHER", at=START)

    first, again = (redeem("TWICE", customer, "key-1") for _ in range(2))

    assert (again.redemption.id, again.entry.id, again.is_repeat) == (
        first.redemption.id,
        first.entry.id,
        True,
    )
    assert (shop.balance(customer), counter("TWICE")) == (550_000, 1)
    with pytest.raises(RequestKeyReused):
        redeem("OTHER", customer, "key-1")


def welcome(who: Person) -> int:
    with unit_of_work():
        return redeeming.give_welcome(who.id, actor=who.actor, at=START)


def test_a_new_account_gets_every_welcome_bonus_there_is(shop: Shop, person: Callable[..., Person]) -> None:
    put_coupon("WELCOME", CouponType.WELCOME_BONUS, at=START)
    put_coupon("MORE", CouponType.WELCOME_BONUS, credit_amount=5_000, max_uses=1, at=START)
    put_coupon("OFF", CouponType.WELCOME_BONUS, status=CouponStatus.DISABLED, at=START)
    put_coupon("GIFT", at=START)
    first, second = person(), person()

    assert (welcome(first), welcome(second)) == (25_000, 20_000)

    assert (shop.balance(first), shop.balance(second)) == (25_000, 20_000)
    assert_coupons_add_up()


def test_a_second_welcome_is_refused_by_the_database(person: Callable[..., Person]) -> None:
    put_coupon("WELCOME", CouponType.WELCOME_BONUS, at=START)
    welcome(who := person())

    with pytest.raises(IntegrityError, match="uq_coupon_redemptions_use"):
        welcome(who)


def test_the_database_itself_counts(customer: Person) -> None:
    put_coupon("ONE", max_uses=1, at=START)
    done = redeem("ONE", customer)

    again: dict[str, Any] = {"discount_amount": 1, "subscription_id": uuid.uuid4()}
    same_entry: dict[str, Any] = {"credit_amount": 50_000, "entry_id": done.entry.id}
    for number, worth, constraint in (
        (1, again, "uq_coupon_redemptions_use"),
        (2, same_entry, "uq_coupon_redemptions_entry_id"),
        (0, again, "ck_coupon_redemptions_number_from_one"),
        (2, {"credit_amount": 50_000}, "ck_coupon_redemptions_credit_has_entry"),
        (2, {"discount_amount": 1}, "ck_coupon_redemptions_discount_has_subscription"),
        (2, {**again, **same_entry}, "ck_coupon_redemptions_credit_or_discount"),
    ):
        row = {"coupon_id": done.coupon.id, "user_id": customer.id, "type": CouponType.CREDIT_TOPUP}
        second = Redemption(**row, **worth, number=number, details={}, redeemed_at=START)
        with pytest.raises(IntegrityError, match=constraint), unit_of_work():
            session().add(second)
    for wrong in (-1, 2):
        with pytest.raises(IntegrityError, match="ck_coupons_not_overused"), unit_of_work():
            session().get_one(Coupon, done.coupon.id).used_count = wrong


def test_a_wrong_counter_is_found(customer: Person) -> None:
    put_coupon("GIFT", at=START)
    done = redeem("GIFT", customer)
    assert_coupons_add_up()

    with unit_of_work():
        session().get_one(Coupon, done.coupon.id).used_count = 7

    with pytest.raises(AssertionError, match="coupon-uses"):
        assert_coupons_add_up()


def test_credit_from_a_coupon_pays_like_any_other(
    shop: Shop, person: Callable[..., Person], plan_id: Callable[..., Any]
) -> None:
    put_coupon("GIFT", at=START)
    redeem("GIFT", who := person())

    mine = shop.order(who, plan_id())

    assert shop.balance(who) == 0
    assert shop.cancel(who, mine) == 50_000
    entries = session().scalars(select(LedgerEntry.delta).where(LedgerEntry.user_id == who.id)).all()
    assert sorted(entries) == [-50_000, 50_000, 50_000]
