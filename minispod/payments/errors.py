"""Refusals of top-ups. What the gateway itself refuses is in `gateway.py`."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NoSuchTransaction(NotFound):
    """There is no such transaction, or it belongs to somebody else."""

    code = "payments.no_such_transaction"
    default_message = "Transaction not found"


class TopUpTooSmall(RuleBroken):
    """The amount is below the minimum."""

    code = "payments.topup_too_small"
    default_message = "The top-up amount is too small"


class TopUpTooLarge(RuleBroken):
    """The amount is above the maximum."""

    code = "payments.topup_too_large"
    default_message = "The top-up amount is too large"


class TopUpNotPending(RuleBroken):
    """Only what is still pending can be called off."""

    code = "payments.topup_not_pending"
    default_message = "Can only cancel pending transactions"


class CheckoutInProgress(Conflict):
    """The same request is talking to the gateway at this moment."""

    code = "payments.checkout_in_progress"
    default_message = "This payment is being opened. Please try again in a moment."


class RequestKeyReused(Conflict):
    """The same Idempotency-Key came with another wish."""

    code = "payments.request_key_reused"
    default_message = "This Idempotency-Key was used for a different top-up."


class TopUpNotHeld(Conflict):
    """Only what is held for review can be accepted or closed by a person."""

    code = "payments.topup_not_held"
    default_message = "This top-up is not held for review any more."


class MoneyIsThere(RuleBroken):
    """The gateway has the customer's money: closing would lose it."""

    code = "payments.money_is_there"
    default_message = (
        "The gateway says the money arrived. Accept it, refund it, or say that it was returned by hand."
    )


class ReasonMissing(RuleBroken):
    """A decision about money needs a reason that others can read later."""

    code = "payments.reason_missing"
    default_message = "Please give a reason."


class TopUpNotRefundable(Conflict):
    """No payment of this top-up can be given back."""

    code = "payments.topup_not_refundable"
    default_message = "There is no payment of this top-up that could be given back."


class RefundAmountOdd(RuleBroken):
    """More than is left, nothing, or a part of a payment that is held."""

    code = "payments.refund_amount_odd"
    default_message = "The refund must be a part of what is left; a held payment goes back whole."


class RefundUnderWay(Conflict):
    """One refund at a time: the second waits for what became of the first."""

    code = "payments.refund_under_way"
    default_message = "A refund of this top-up is under way already."
