"""What we ask of a payment gateway, in our own words.

The port, the values that cross it and the refusals it may raise. It knows no library and no address.
Invariant: every amount here is whole rupiah, every transaction status lower case, and nothing carries
a key, a card number or a customer's personal data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from minispod.kernel.errors import Conflict, Forbidden, RuleBroken, Unavailable


class PaymentGroup(StrEnum):
    """The kinds of payment a customer may choose between."""

    BANK_TRANSFER = "BANK_TRANSFER"
    E_WALLET = "E_WALLET"
    CREDIT_CARD = "CREDIT_CARD"
    QRIS = "QRIS"


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """One order to be paid; `order_id` is used once at the gateway, whatever becomes of it.

    The customer pays `amount` and `fee`; the wallet gets `amount`.
    """

    order_id: str
    amount: int
    method: PaymentGroup
    customer_name: str
    customer_email: str
    customer_phone: str | None
    expires_in_minutes: int
    finish_url: str
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the customer pays."""

    token: str
    redirect_url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A signed notification. Only order, code and amount are proven by the signature: ask `status` too."""

    order_id: str
    transaction_id: str
    transaction_status: str
    fraud_status: str | None
    status_code: str
    gross_amount: int
    currency: str | None
    merchant_id: str | None
    payment_type: str | None
    refund_amount: int | None
    received_digest: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """What the gateway itself says about a payment; with `found` false nothing else is known.

    Some channels answer their own id in the place of `order_id`.
    """

    found: bool
    transaction_id: str | None = None
    transaction_status: str | None = None
    fraud_status: str | None = None
    gross_amount: int | None = None
    currency: str | None = None
    merchant_id: str | None = None
    payment_type: str | None = None
    refund_amount: int | None = None
    status_code: str | None = None
    order_id: str | None = None


class NoticeMalformed(RuleBroken):
    """The body is no notification we could ever act upon."""

    code = "payments.notice_malformed"
    default_message = "The notification cannot be read."


class NoticeForged(Forbidden):
    """The signature does not belong to the body."""

    code = "payments.notice_forged"
    default_message = "The notification is not signed by the gateway."


class GatewayUnavailable(Unavailable):
    """No usable answer: whether the gateway did the work is unknown. Ask again later."""

    code = "payments.gateway_unavailable"
    default_message = "The payment gateway does not answer at the moment. Please try again shortly."


class GatewayRejected(Conflict):
    """The gateway understood and refused; asking again in the same way will not help."""

    code = "payments.gateway_rejected"
    default_message = "The payment gateway refused the request."


class PaymentGateway(Protocol):
    """The gateway as the business sees it. Calls that leave the house are refused inside a unit of work."""

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page. Repeating it with the same order is safe until a method was picked there."""
        ...

    def close_checkout(self, token: str) -> None:
        """Close a payment page nobody has picked a method on; raises GatewayRejected when it cannot be closed."""
        ...

    def read_notice(self, raw: bytes) -> Notice:
        """Check form and signature of a received body; talks to nobody."""
        ...

    def status(self, id: str) -> GatewayStatus:
        """Say what became of a payment, by order id or (safer) by transaction id."""
        ...

    def cancel(self, order_id: str) -> GatewayStatus:
        """Call off a payment that has not settled."""
        ...

    def refund(self, transaction_id: str, *, refund_key: str, amount: int, reason: str) -> GatewayStatus:
        """Give money back; the same key never gives it back twice."""
        ...
