"""Coupons of a test: valid by default; a test states only what matters."""

from datetime import datetime, timedelta
from typing import Any

from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.promotions import issuing
from minispod.promotions.issuing import Terms
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType, DiscountType

STAFF = system("tests")
# What a coupon of each type is worth unless a test says otherwise.
_WORTH: dict[CouponType, dict[str, Any]] = {
    CouponType.CREDIT_TOPUP: {"credit_amount": 50_000},
    CouponType.WELCOME_BONUS: {"credit_amount": 20_000},
    CouponType.SUBSCRIPTION_DISCOUNT: {"discount_type": DiscountType.PERCENTAGE, "discount_percent": 20},
    CouponType.FREE_SERVICE: {},
}


def put_coupon(
    code: str, type_: CouponType = CouponType.CREDIT_TOPUP, *, at: datetime, **terms: Any
) -> Coupon:
    """Issue a coupon and commit; one that has begun a day before `at`, and is over if `terms` say so."""
    begins = {"valid_from": at - timedelta(days=1), "name": code.title(), **_WORTH[type_], **terms}
    status = begins.pop("status", CouponStatus.ACTIVE)
    with unit_of_work():
        return issuing.issue(
            code, Terms(type=type_, status=status, **begins), actor=STAFF, at=at - timedelta(days=2)
        )
