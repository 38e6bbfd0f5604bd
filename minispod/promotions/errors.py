"""Refusals of the promotions."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchCoupon(NotFound):
    """Staff asked for a coupon that is not there."""

    code = "promotions.no_such_coupon"
    default_message = "Coupon not found"


class UnknownCode(RuleBroken):
    """Nobody issued this code."""

    code = "promotions.unknown_code"
    default_message = "Invalid coupon code"


class CouponNotActive(RuleBroken):
    """Staff have switched the coupon off."""

    code = "promotions.not_active"
    default_message = "This coupon is not active"


class CouponNotYetValid(RuleBroken):
    """Its time has not begun."""

    code = "promotions.not_yet_valid"
    default_message = "This coupon is not valid yet"


class CouponExpired(RuleBroken):
    """Its time is over."""

    code = "promotions.expired"
    default_message = "This coupon has expired"


class CouponUsedUp(Conflict):
    """All its uses are taken."""

    code = "promotions.used_up"
    default_message = "This coupon has been used up"


class AlreadyRedeemed(Conflict):
    """The customer has used it as often as one customer may."""

    code = "promotions.already_redeemed"
    default_message = "You have already redeemed this coupon"


class WrongUse(RuleBroken):
    """A coupon for the wallet was shown at checkout, or the other way round."""

    code = "promotions.wrong_use"
    default_message = "This coupon cannot be used here"


class WrongPlan(RuleBroken):
    """The coupon is for another service or another plan."""

    code = "promotions.wrong_plan"
    default_message = "This coupon is not valid for this plan"


class NothingToSave(RuleBroken):
    """The coupon would be spent for nothing."""

    code = "promotions.nothing_to_save"
    default_message = "This coupon takes nothing off this price; keep it for another order"


class CouponChanged(Conflict):
    """Staff changed the coupon between the look at it and its use."""

    code = "promotions.changed"
    default_message = "This coupon has just been changed. Please look at it again."


class CodeTaken(Conflict):
    """There is a coupon with this code."""

    code = "promotions.code_taken"
    default_message = "Coupon code already exists"


class BadTerms(RuleBroken):
    """The terms of a coupon do not fit together, or are out of bounds."""

    code = "promotions.bad_terms"
    default_message = "These terms do not make a coupon"


class CouponRedeemed(RuleBroken):
    """What was redeemed is part of the books and stays."""

    code = "promotions.redeemed"
    default_message = "Cannot delete coupon that has been redeemed. Consider disabling it instead."


class RequestKeyReused(Conflict):
    """The same Idempotency-Key came with another code."""

    code = "promotions.request_key_reused"
    default_message = "This Idempotency-Key was used for a different coupon."


class NothingToRecount(Conflict):
    """The coupon's counter is the number of its uses that stand."""

    code = "promotions.nothing_to_recount"
    default_message = "The counter agrees with the coupon's uses already."


class MoreUsesThanAllowed(RuleBroken):
    """The coupon has more uses than its limit; the counter cannot say so."""

    code = "promotions.more_uses_than_allowed"
    default_message = "The coupon has more uses than its limit. Allow it more uses first."
