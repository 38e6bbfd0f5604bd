"""A payment to be judged, and the words a verdict can use. Values only; what follows is in `verdicts`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from minispod.payments.gateway import GatewayStatus
from minispod.payments.states import TopUpState


class Effect(StrEnum):
    """What happens to the customer's money or hopes."""

    CREDIT = "credit"
    REVERSE = "reverse"
    FAIL = "fail"
    CANCEL = "cancel"
    NOTHING = "no-op"


class Detail(StrEnum):
    """Why; stored with the notice, the audit entry and the review."""

    PAID = "paid"
    PAID_LATE = "paid_late"
    ALREADY_CREDITED = "already_credited"
    PENDING_RECORDED = "pending_recorded"
    REOPENED = "reopened"
    NOT_STARTED = "not_started"
    DENIED = "denied"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    BANK_REVERSAL = "bank_reversal_after_settlement"
    VOID = "void_after_capture"
    PARTIAL_REFUND = "partial_refund"
    REFUND_FULL = "refund_full"
    CHARGEBACK = "chargeback"
    PARTIAL_CHARGEBACK = "partial_chargeback"
    ALREADY_REVERSED = "already_reversed"
    LATE_IGNORED = "late_ignored"
    UNCHANGED = "unchanged"
    UNKNOWN_ORDER = "unknown_order"
    RETURNED = "returned"
    CLOSED_BY_STAFF = "closed_by_staff"
    HOLD_CHALLENGE = "hold_challenge"
    HOLD_FRAUD = "hold_fraud"
    HOLD_AMOUNT = "hold_amount_mismatch"
    HOLD_CURRENCY = "hold_currency"
    HOLD_MERCHANT = "hold_merchant"
    HOLD_DOUBLE_PAYMENT = "hold_double_payment"
    HOLD_AUTHORIZE = "hold_authorize"
    HOLD_UNKNOWN_STATUS = "hold_unknown_status"
    HOLD_REFUND_AMOUNT = "hold_refund_amount"
    HOLD_INCONSISTENT = "hold_inconsistent"


@dataclass(frozen=True, slots=True)
class Order:
    """What is judged. The customer pays `amount` and `fee`; what is given back is counted in credit."""

    state: TopUpState
    amount: int
    expires_at: datetime
    reversed_amount: int = 0
    transaction_id: str | None = None
    paid_transaction_id: str | None = None
    fee: int = 0
    # Its name at the gateway.
    order_id: str | None = None
    is_second: bool = False
    returned_transaction_id: str | None = None

    @property
    def payable(self) -> int:
        """What a fitting payment comes to."""
        return self.amount + self.fee


@dataclass(frozen=True, slots=True)
class Announced:
    """What a signed notice claimed."""

    transaction_id: str
    transaction_status: str
    gross_amount: int
    currency: str | None = None
    merchant_id: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An order, what the gateway says about it, and the notice that made us ask, if one did.

    With `is_accepted` a person has decided that a held payment is good, whatever its amount.
    """

    order: Order
    status: GatewayStatus
    merchant_id: str
    at: datetime
    announced: Announced | None = None
    is_accepted: bool = False

    @property
    def transaction_id(self) -> str | None:
        """The attempt that is spoken of."""
        return self.status.transaction_id or (self.announced.transaction_id if self.announced else None)

    @property
    def is_of_payer(self) -> bool:
        """Tell whether it is the attempt that was credited."""
        return self.transaction_id == self.order.paid_transaction_id

    @property
    def is_of_other_attempt(self) -> bool:
        """Tell whether a later attempt of the same order is known."""
        return self.order.transaction_id not in (None, self.transaction_id)

    @property
    def is_of_another_order(self) -> bool:
        """Tell whether the gateway spoke of another order; some channels name their own id instead of ours."""
        return None not in (self.order.order_id, self.status.order_id) and self.status.order_id not in (
            self.order.order_id,
            self.status.transaction_id,
        )

    @property
    def is_returned(self) -> bool:
        """Tell whether a person gave this very payment back."""
        returned = self.order.returned_transaction_id
        return returned is not None and self.transaction_id == returned

    @property
    def is_contradicted(self) -> bool:
        """Tell whether the notice claimed another status than the gateway confirms."""
        return (
            self.announced is not None and self.announced.transaction_status != self.status.transaction_status
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do. `reversed_total` is the sum taken back when it is done."""

    effect: Effect
    detail: Detail
    state: TopUpState
    reversed_total: int = 0
    needs_person: bool = False
    # The credit was never seen and part of it is gone already: judge once more after crediting.
    look_again: bool = False

    @property
    def is_hold(self) -> bool:
        """Tell whether money is kept untouched because something does not fit."""
        return self.detail.value.startswith("hold_")
