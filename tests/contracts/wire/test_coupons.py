"""Recorded exchanges of coupons: redeemed, looked at, used at checkout, and kept by administrators."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.catalog.models import PlanType, Service
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import issuing
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from tests.contracts.wire.conftest import Replay
from tests.factories.coupons import STAFF, put_coupon
from tests.plugins.app import START, Person

PlanFinder = Callable[..., uuid.UUID]
DISCOUNT, FREE = CouponType.SUBSCRIPTION_DISCOUNT, CouponType.FREE_SERVICE


def service(slug: str) -> uuid.UUID:
    return session().scalars(select(Service.id).where(Service.slug == slug)).one()


@pytest.fixture
def issued(app: Flask, catalog: None) -> None:
    """The coupons the original was seeded with, as far as the recordings name them."""
    end = START + timedelta(days=365)
    with app.app_context():
        rows: list[tuple[str, CouponType, dict[str, Any]]] = [
            ("WELCOME50K", CouponType.CREDIT_TOPUP, {"name": "Welcome Bonus 50K"}),
            ("TOPUP25K", CouponType.CREDIT_TOPUP, {"credit_amount": 25_000, "max_uses_per_user": 2}),
            ("MEGA100K", CouponType.CREDIT_TOPUP, {"credit_amount": 100_000}),
            ("SAVE20", DISCOUNT, {"description": "20% discount on any subscription"}),
            (
                "SAVE30K",
                DISCOUNT,
                {
                    "discount_type": DiscountType.FIXED_AMOUNT,
                    "credit_amount": 30_000,
                    "discount_percent": None,
                },
            ),
            ("N8NSAVE30", DISCOUNT, {"service_id": service("n8n-automation"), "plan_type": PlanType.PRO}),
            ("FREEGHOST", FREE, {"service_id": service("ghost-blog")}),
            ("WELCOME2025", CouponType.WELCOME_BONUS, {}),
        ]
        for code, type_, terms in rows:
            put_coupon(code, type_, valid_until=end, max_uses=100, at=START, **terms)


pytestmark = pytest.mark.usefixtures("issued")


def id_of(app: Flask, code: str) -> uuid.UUID:
    with app.app_context():
        return session().scalars(select(Coupon.id).where(Coupon.code == code)).one()


def test_redeeming(replay: Replay, customer: Person, person: Callable[..., Person]) -> None:
    done = replay("coupon__redeem_ok", customer)["data"]["redemption"]

    assert (done["creditAmount"], done["newBalance"]) == (50_000, 550_000)
    assert replay("coupon__redeem_again", customer)["code"] == "promotions.already_redeemed"
    assert replay("coupon__redeem_lowercase", person())["data"]["redemption"]["couponCode"] == "WELCOME50K"


def test_twice_per_customer_is_twice(replay: Replay, customer: Person) -> None:
    replay("coupon__redeem_two_per_user_first", customer)

    done = replay("coupon__redeem_two_per_user_second", customer)["data"]["redemption"]

    assert done["newBalance"] == 550_000


def test_redemptions_that_are_refused(app: Flask, replay: Replay, customer: Person) -> None:
    with app.app_context():
        put_coupon("LEBARAN10K", status=CouponStatus.DISABLED, at=START)

    assert replay("coupon__redeem_unknown", customer)["code"] == "promotions.unknown_code"
    assert replay("coupon__redeem_wrong_type", customer)["code"] == "promotions.wrong_use"
    assert replay("coupon__redeem_disabled", customer)["code"] == "promotions.not_active"
    assert "couponCode" in replay("coupon__redeem_validation", customer)["errors"]


def test_looking_at_a_coupon(app: Flask, replay: Replay, customer: Person) -> None:
    topup = replay("coupon__validate_topup", customer)["data"]["validation"]["coupon"]
    discount = replay("coupon__validate_discount", customer)["data"]["validation"]["coupon"]

    assert (topup["potentialValue"], topup["valueDescription"]) == (50_000, "50,000 IDR credit")
    assert (discount["potentialValue"], discount["valueDescription"]) == (10_000, "20% discount (10,000 IDR)")
    assert discount["usageInfo"] == {"used": 0, "maxUses": 100, "userUsed": 0, "maxPerUser": 1}
    unknown = replay("coupon__validate_unknown", customer)
    assert (unknown["message"], unknown["data"]["validation"]["error"]) == (
        "Coupon validation failed",
        "Invalid coupon code",
    )
    malformed = replay("coupon__validate_validation", customer)["data"]["validation"]
    assert (malformed["valid"], malformed["error"]) == (False, "Invalid coupon code")
    with app.app_context():
        ghost = service("ghost-blog")
    other = replay("coupon__validate_wrong_service", customer, ghost)["data"]["validation"]
    assert other["error"] == "Coupon is only valid for N8N Automation"


def test_the_wallet_after_coupons(replay: Replay, customer: Person) -> None:
    replay("coupon__redeem_ok", customer)
    replay("coupon__redeem_two_per_user_first", customer)

    history = replay("coupon__history", customer)["data"]["redemptions"]
    wallet = replay("wallet__info_after_coupons", customer)["data"]["wallet"]
    statement = replay("wallet__transactions_with_coupons", customer)["data"]["transactions"]

    assert [each["coupon"]["code"] for each in history] == ["TOPUP25K", "WELCOME50K"]
    assert history[0]["metadata"] == {"redemptionContext": "billing_page", "originalCouponValue": 25_000}
    assert (wallet["creditBalance"], wallet["totalTopUp"]) == (575_000, 575_000)
    assert statement[0]["metadata"]["couponCode"] == "TOPUP25K"
    assert history[0]["transaction"]["customId"] == statement[0]["customId"]


def test_orders_with_a_coupon(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    postgres, ghost = plan_id("postgresql", "BASIC"), plan_id("ghost-blog", "BASIC")
    unknown = replay("subscriptions__create_with_unknown_coupon", customer, postgres)
    topup = replay("subscriptions__create_with_topup_coupon", customer, postgres)
    assert (unknown["code"], topup["code"]) == ("promotions.unknown_code", "promotions.wrong_use")

    cheaper = replay("subscriptions__create_with_discount_coupon", customer, postgres)["data"]
    free = replay("subscriptions__create_with_free_service_coupon", customer, ghost)["data"]

    assert cheaper["discount"] == {
        "couponCode": "SAVE20",
        "originalAmount": 25_000,
        "discountAmount": 5_000,
        "finalAmount": 20_000,
    }
    assert (cheaper["chargeAmount"], cheaper["subscription"]["monthlyPrice"]) == (20_000, 25_000)
    assert (free["chargeAmount"], free["isFreeService"], free["couponApplied"]) == (0, True, True)
    assert free["freeService"]["freeServiceValue"] == free["originalAmount"] > 0
    history = replay("coupon__history_after_free_service", customer)["data"]["redemptions"]
    assert history[0]["subscription"]["service"]["slug"] == "ghost-blog"
    assert history[0]["metadata"]["freeServiceValue"] == free["originalAmount"]


def test_signing_up_brings_the_welcome_bonus(replay: Replay) -> None:
    user = replay("auth__register_ok_with_welcome_bonus")["data"]["user"]

    assert (user["creditBalance"], user["totalTopUp"]) == (20_000, 20_000)


def test_administrators_list_coupons(replay: Replay, administrator: Person, customer: Person) -> None:
    listed = replay("admin_coupons__list", administrator)["data"]["coupons"]

    assert [each["code"] for each in listed][:2] == ["WELCOME2025", "FREEGHOST"]
    filtered = replay("admin_coupons__list_filtered", administrator)["data"]
    assert [each["code"] for each in filtered["coupons"]] == ["MEGA100K", "TOPUP25K"]
    assert filtered["pagination"]["hasMore"] is True
    replay("admin_coupons__list_as_user", customer)


def test_figures(replay: Replay, administrator: Person, customer: Person) -> None:
    replay("coupon__redeem_ok", customer)

    figures = replay("admin_coupons__statistics", administrator)["data"]["statistics"]

    assert (figures["overview"]["totalCoupons"], figures["overview"]["totalRedemptions"]) == (8, 1)
    assert figures["redemptionsByType"]["CREDIT_TOPUP"] == 1
    assert (figures["topCoupons"][0]["code"], figures["startDate"]) == (
        "WELCOME50K",
        "2026-10-31T17:00:00.000Z",
    )


def test_a_coupon_from_its_issue_to_its_end(
    app: Flask, replay: Replay, administrator: Person, clock: FrozenClock
) -> None:
    made = replay("admin_coupons__create_ok", administrator)["data"]["coupon"]

    assert (made["status"], made["maxUses"], made["createdBy"]) == ("ACTIVE", 5, str(administrator.id))
    assert replay("admin_coupons__create_duplicate", administrator)["code"] == "promotions.code_taken"
    shown = replay("admin_coupons__get", administrator, made["id"])["data"]["coupon"]
    assert (shown["redemptions"], shown["_count"]) == ([], {"redemptions": 0})
    changed = replay("admin_coupons__update", administrator, made["id"])["data"]["coupon"]
    assert (changed["name"], changed["maxUses"], changed["creditAmount"]) == ("Lebaran 2", 6, 10_000)
    whole = replay("admin_coupons__update_frontend_body", administrator, made["id"])["data"]["coupon"]
    assert (whole["name"], whole["code"]) == ("Lebaran", "LEBARAN10K")
    assert replay("admin_coupons__bulk_status", administrator, made["id"])["data"] == {"updatedCount": 1}
    assert replay("admin_coupons__get", administrator, made["id"])["data"]["coupon"]["status"] == "DISABLED"
    replay("admin_coupons__delete_ok", administrator, made["id"])
    assert (
        replay("admin_coupons__delete_404", administrator, made["id"])["code"] == "promotions.no_such_coupon"
    )


def test_coupons_that_are_refused(
    app: Flask, replay: Replay, administrator: Person, customer: Person
) -> None:
    made = replay("admin_coupons__create_discount", administrator)["data"]["coupon"]
    assert (made["discountPercent"], made["validUntil"]) == (15, None)

    for name in ("admin_coupons__create_missing_amount", "admin_coupons__create_past_expiry"):
        assert replay(name, administrator)["code"] == "promotions.bad_terms"
    assert "code" in replay("admin_coupons__create_validation", administrator)["errors"]
    for name in ("admin_coupons__get_404", "admin_coupons__update_404"):
        assert replay(name, administrator)["code"] == "promotions.no_such_coupon"
    replay("coupon__redeem_ok", customer)
    refused = replay("admin_coupons__delete_redeemed", administrator, id_of(app, "WELCOME50K"))
    assert refused["code"] == "promotions.redeemed"


def test_a_used_coupon_shows_who_used_it(
    app: Flask, replay: Replay, administrator: Person, customer: Person
) -> None:
    replay("coupon__redeem_ok", customer)
    with app.app_context(), unit_of_work():
        issuing.set_status([id_of(app, "MEGA100K")], CouponStatus.EXPIRED, actor=STAFF, at=START)

    [use] = replay("admin_coupons__get", administrator, id_of(app, "WELCOME50K"))["data"]["coupon"][
        "redemptions"
    ]

    assert use["user"]["email"] == customer.email
