"""States of a top-up, what may follow what, and how each is shown on the wire. Pure; no database.

Money is ours in the credited states only: the row names the paying transaction exactly there.
"""

from enum import StrEnum

from minispod.kernel.lifecycle import Lifecycle


class TopUpState(StrEnum):
    """Where a top-up is."""

    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REVIEW = "REVIEW"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    REVERSED = "REVERSED"
    CHARGEBACK = "CHARGEBACK"

    @property
    def is_open(self) -> bool:
        """Tell whether the customer may still expect this payment to be decided."""
        return self in (TopUpState.PENDING, TopUpState.REVIEW)

    @property
    def is_credited(self) -> bool:
        """Tell whether the payment was credited, whatever was taken back afterwards."""
        return self in CREDITED

    @property
    def is_shown_as(self) -> "TransactionStatus":
        """The word of the wire contract."""
        return SHOWN_AS[self]


class RefundState(StrEnum):
    """Where a refund we asked the gateway for is."""

    ASKED = "ASKED"
    SENT = "SENT"
    DONE = "DONE"
    REFUSED = "REFUSED"

    @property
    def is_under_way(self) -> bool:
        """Tell whether the money may still go."""
        return self in (RefundState.ASKED, RefundState.SENT)


class TransactionStatus(StrEnum):
    """The transaction states of the wire contract."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


CREDITED = frozenset(
    {
        TopUpState.PAID,
        TopUpState.PARTIALLY_REFUNDED,
        TopUpState.REFUNDED,
        TopUpState.REVERSED,
        TopUpState.CHARGEBACK,
    }
)
TAKEN_BACK = frozenset({TopUpState.REFUNDED, TopUpState.REVERSED, TopUpState.CHARGEBACK})

SHOWN_AS = {
    TopUpState.PENDING: TransactionStatus.PENDING,
    TopUpState.REVIEW: TransactionStatus.PENDING,
    TopUpState.PAID: TransactionStatus.COMPLETED,
    TopUpState.PARTIALLY_REFUNDED: TransactionStatus.COMPLETED,
    TopUpState.FAILED: TransactionStatus.FAILED,
    TopUpState.EXPIRED: TransactionStatus.FAILED,
    TopUpState.CANCELLED: TransactionStatus.CANCELLED,
    TopUpState.REFUNDED: TransactionStatus.REFUNDED,
    TopUpState.REVERSED: TransactionStatus.REFUNDED,
    TopUpState.CHARGEBACK: TransactionStatus.REFUNDED,
}

# Money may arrive after we had given the payment up: every unpaid state leads to PAID.
TOPUP_LIFECYCLE = Lifecycle(
    "top-up",
    {
        TopUpState.PENDING: frozenset(
            {
                TopUpState.PAID,
                TopUpState.FAILED,
                TopUpState.EXPIRED,
                TopUpState.CANCELLED,
                TopUpState.REVIEW,
            }
        ),
        TopUpState.REVIEW: frozenset(
            {TopUpState.PAID, TopUpState.FAILED, TopUpState.EXPIRED, TopUpState.CANCELLED}
        ),
        TopUpState.FAILED: frozenset({TopUpState.PENDING, TopUpState.PAID, TopUpState.REVIEW}),
        TopUpState.EXPIRED: frozenset({TopUpState.PENDING, TopUpState.PAID, TopUpState.REVIEW}),
        TopUpState.CANCELLED: frozenset({TopUpState.PAID, TopUpState.REVIEW}),
        TopUpState.PAID: TAKEN_BACK | {TopUpState.PARTIALLY_REFUNDED},
        TopUpState.PARTIALLY_REFUNDED: TAKEN_BACK,
        TopUpState.REFUNDED: frozenset(),
        TopUpState.REVERSED: frozenset(),
        TopUpState.CHARGEBACK: frozenset(),
    },
)
