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
