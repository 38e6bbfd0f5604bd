"""Staff issue, change, switch and delete coupons; terms that make no coupon are refused in a sentence."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from minispod.audit.models import AuditEntry
from minispod.catalog.errors import NoSuchService
from minispod.catalog.models import PlanType
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import issuing, queries, redeeming
from minispod.promotions.errors import BadTerms, CodeTaken, CouponRedeemed, NoSuchCoupon
from minispod.promotions.issuing import Terms
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from tests.factories.coupons import STAFF, put_coupon
from tests.plugins.app import START, Person

pytestmark = pytest.mark.usefixtures("context")
CREDIT: dict[str, Any] = {
    "name": "A gift",
    "type": CouponType.CREDIT_TOPUP,
    "credit_amount": 10_000,
    "valid_from": START,
}
DISCOUNT: dict[str, Any] = {
    "name": "Less",
    "type": CouponType.SUBSCRIPTION_DISCOUNT,
    "discount_type": DiscountType.PERCENTAGE,
    "discount_percent": 15,
    "valid_from": START,
}


def issue(code: str, **terms: Any) -> Coupon:
    with unit_of_work():
        return issuing.issue(code, Terms(**terms), actor=STAFF, at=START)


def change(coupon: Coupon, **terms: Any) -> Coupon:
    with unit_of_work():
        return issuing.change(coupon.id, terms, actor=STAFF, at=START)


def use(code: str, who: Person) -> None:
    with unit_of_work():
        redeeming.redeem_credit(code, user_id=who.id, actor=who.actor, at=START)


def test_a_coupon_is_issued_in_capitals_and_without_what_its_type_does_not_know() -> None:
    coupon = issue(
        " gift-1 ",
        **CREDIT,
        discount_type=DiscountType.PERCENTAGE,
        discount_percent=5,
        plan_type=PlanType.PRO,
    )

    assert (coupon.code, coupon.used_count, coupon.max_uses, coupon.max_uses_per_user) == (
        "GIFT-1",
        0,
        None,
        1,
    )
    assert (coupon.discount_type, coupon.discount_percent, coupon.plan_type) == (None, None, None)
    with pytest.raises(CodeTaken):
        issue("GIFT-1", **DISCOUNT)


def test_a_welcome_bonus_is_for_once_per_account() -> None:
    terms = {**CREDIT, "type": CouponType.WELCOME_BONUS, "max_uses_per_user": 5}

    assert issue("HELLO", **terms).max_uses_per_user == 1


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("GI", CREDIT),
        ("GIFT 1", CREDIT),
        ("G" * 51, CREDIT),
        ("GIFT", {**CREDIT, "name": "  "}),
        ("GIFT", {**CREDIT, "name": "x" * 101}),
        ("GIFT", {**CREDIT, "description": "x" * 501}),
        ("GIFT", {**CREDIT, "credit_amount": None}),
        ("GIFT", {**CREDIT, "credit_amount": 999}),
        ("GIFT", {**CREDIT, "credit_amount": 10_000_001}),
        ("GIFT", {**CREDIT, "max_uses": 0}),
        ("GIFT", {**CREDIT, "max_uses": 1_000_001}),
        ("GIFT", {**CREDIT, "max_uses_per_user": 0}),
        ("GIFT", {**CREDIT, "max_uses_per_user": 101}),
        ("GIFT", {**CREDIT, "valid_until": START}),
        ("GIFT", {**CREDIT, "valid_from": START - timedelta(days=2), "valid_until": START}),
        ("GIFT", {**CREDIT, "status": CouponStatus.USED_UP}),
        ("GIFT", {**DISCOUNT, "discount_percent": 0}),
        ("GIFT", {**DISCOUNT, "discount_percent": 101}),
        ("GIFT", {**DISCOUNT, "discount_percent": None}),
        ("GIFT", {**DISCOUNT, "discount_type": None}),
        ("GIFT", {**DISCOUNT, "discount_type": DiscountType.FIXED_AMOUNT}),
    ],
)
def test_terms_that_make_no_coupon(code: str, terms: dict[str, Any]) -> None:
    with pytest.raises(BadTerms):
        issue(code, **terms)


def test_a_coupon_for_a_service_that_is_not_there() -> None:
    with pytest.raises(NoSuchService):
        issue("GIFT", **DISCOUNT, service_id=uuid.uuid4())


def test_terms_are_changed_and_the_change_is_in_the_book() -> None:
    coupon = issue("GIFT", **CREDIT)

    changed = change(coupon, name="A larger gift", credit_amount=20_000, max_uses=6)

    assert (changed.name, changed.credit_amount, changed.max_uses) == ("A larger gift", 20_000, 6)
    line = session().scalars(select(AuditEntry).where(AuditEntry.action == "coupon.changed")).one()
    assert line.details["changed"]["credit_amount"] == ["10000", "20000"]
    with pytest.raises(BadTerms):
        change(coupon, credit_amount=1)
    with unit_of_work(), pytest.raises(NoSuchCoupon):
        issuing.change(uuid.uuid4(), {}, actor=STAFF, at=START)


def test_what_was_redeemed_keeps_its_type_its_room_and_its_row(customer: Person) -> None:
    coupon = issue("GIFT", **CREDIT, max_uses_per_user=2)
    change(coupon, type=CouponType.WELCOME_BONUS)
    change(coupon, type=CouponType.CREDIT_TOPUP, max_uses_per_user=2)
    for _ in range(2):
        use("GIFT", customer)

    with pytest.raises(BadTerms):
        change(coupon, type=CouponType.WELCOME_BONUS)
    with pytest.raises(BadTerms):
        change(coupon, max_uses=1)
    with pytest.raises(CouponRedeemed), unit_of_work():
        issuing.delete(coupon.id, actor=STAFF, at=START)

    assert change(coupon, max_uses=2).status_at(START) is CouponStatus.USED_UP
    assert change(coupon, max_uses=3).status_at(START) is CouponStatus.ACTIVE
    with pytest.raises(IntegrityError, match="fk_coupon_redemptions_coupon_id"), unit_of_work():
        session().delete(session().get_one(Coupon, coupon.id))


def test_an_unused_coupon_is_deleted() -> None:
    coupon = issue("GIFT", **CREDIT)

    with unit_of_work():
        issuing.delete(coupon.id, actor=STAFF, at=START)

    with pytest.raises(NoSuchCoupon):
        queries.get_coupon(coupon.id)


def test_several_are_switched_at_once() -> None:
    coupons = [issue(f"GIFT{number}", **CREDIT) for number in range(3)]

    with unit_of_work():
        found = issuing.set_status(
            [*(each.id for each in coupons[:2]), uuid.uuid4()], CouponStatus.DISABLED, actor=STAFF, at=START
        )

    assert found == 2
    counts = queries.counts_by_status(START)
    assert counts == {CouponStatus.DISABLED: 2, CouponStatus.ACTIVE: 1}
    with pytest.raises(BadTerms), unit_of_work():
        issuing.set_status([coupons[0].id], CouponStatus.USED_UP, actor=STAFF, at=START)


def test_calendar_and_counter_say_the_status(customer: Person) -> None:
    put_coupon("OVER", valid_until=START, at=START)
    put_coupon("FULL", max_uses=1, at=START)
    put_coupon("OFF", status=CouponStatus.DISABLED, valid_until=START, at=START)
    put_coupon("OPEN", valid_until=START + timedelta(days=1), at=START)
    use("FULL", customer)

    def listed(status: CouponStatus, at: datetime = START) -> list[str]:
        found = queries.list_coupons(PageRequest(), status=status, at=at).items
        assert {each.status_at(at) for each in found} <= {status}
        return sorted(each.code for each in found)

    assert listed(CouponStatus.ACTIVE) == ["OPEN"]
    assert listed(CouponStatus.EXPIRED) == ["OVER"]
    assert listed(CouponStatus.USED_UP) == ["FULL"]
    assert listed(CouponStatus.DISABLED) == ["OFF"]
    assert listed(CouponStatus.EXPIRED, START + timedelta(days=1)) == ["OPEN", "OVER"]


def test_coupons_are_found_by_what_they_are_called() -> None:
    issue("LEBARAN", **{**CREDIT, "name": "Idul Fitri"}, description="for the feast")
    issue("HEMAT", **DISCOUNT)

    def found(**wanted: Any) -> list[str]:
        return [each.code for each in queries.list_coupons(PageRequest(), at=START, **wanted).items]

    assert found() == ["HEMAT", "LEBARAN"]
    for search in ("leb", "fitri", "FEAST "):
        assert found(search=search) == ["LEBARAN"]
    assert found(search="%") == []
    assert found(type_=CouponType.SUBSCRIPTION_DISCOUNT) == ["HEMAT"]
    assert found(service_id=uuid.uuid4()) == []


def test_the_database_refuses_terms_that_make_no_coupon() -> None:
    coupon = issue("GIFT", **CREDIT)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"code": "gift"}, "code_upper_case"),
        ({"credit_amount": None}, "worth_fits_type"),
        ({"type": CouponType.FREE_SERVICE}, "worth_fits_type"),
        ({"type": CouponType.SUBSCRIPTION_DISCOUNT}, "worth_fits_type"),
        ({"credit_amount": 0}, "credit_positive"),
        ({"max_uses_per_user": 0}, "some_uses_per_user"),
        ({"type": CouponType.WELCOME_BONUS, "max_uses_per_user": 2}, "one_welcome_per_user"),
        ({"valid_until": START}, "ends_after_start"),
        ({"status": CouponStatus.USED_UP}, "counter_says_used_up"),
    ]

    for columns, constraint in wrong:
        row = session().get_one(Coupon, coupon.id, populate_existing=True)
        for name, value in columns.items():
            setattr(row, name, value)
        with pytest.raises(IntegrityError, match=f"ck_coupons_{constraint}"), unit_of_work():
            session().flush()
