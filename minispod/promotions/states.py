"""Kinds and states of coupons, in the words of the wire contract, and how a code is written."""

import re
from enum import StrEnum

CODE = re.compile(r"[A-Z0-9_-]{3,50}")


class CouponType(StrEnum):
    """What a coupon is good for."""

    CREDIT_TOPUP = "CREDIT_TOPUP"
    SUBSCRIPTION_DISCOUNT = "SUBSCRIPTION_DISCOUNT"
    FREE_SERVICE = "FREE_SERVICE"
    WELCOME_BONUS = "WELCOME_BONUS"

    @property
    def is_credit(self) -> bool:
        """Tell whether its worth goes into the wallet; the others take something off an order."""
        return self in (CouponType.CREDIT_TOPUP, CouponType.WELCOME_BONUS)


class DiscountType(StrEnum):
    """How a discount is reckoned."""

    FIXED_AMOUNT = "FIXED_AMOUNT"
    PERCENTAGE = "PERCENTAGE"


class CouponStatus(StrEnum):
    """Whether a coupon can be used. USED_UP is never stored: the counter says it."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    DISABLED = "DISABLED"
    USED_UP = "USED_UP"


def normal_code(text: str) -> str:
    """A code as it is stored: upper case, without blanks around it."""
    return text.strip().upper()
