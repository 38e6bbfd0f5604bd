"""The life of a transaction: which event leads from which state to which, and what it leaves behind.

Pure: a transaction and an event in, the changed transaction out. Storing, timers and notifications are
other people's business. Invariant: an event that the table does not allow changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minispod.simulator.midtrans.messages import money
from minispod.simulator.midtrans.mint import Mint
from minispod.simulator.midtrans.records import Transaction
from minispod.simulator.midtrans.times import wib

NOT_MODIFIABLE = "412"
BAD_REFUND = "414"
REFUND_KEY_TAKEN = "406"


class Refusal(Exception):
    """The event is not possible now; `code` is the body status of the Core API."""

    def __init__(
        self,
        code: str = NOT_MODIFIABLE,
        message: str = "Merchant cannot modify the status of the transaction",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Repeated(Exception):
    """A refund that was done before: the first answer is due again, and nothing happens."""


@dataclass(frozen=True, slots=True)
class _Step:
    to: str
    fraud: str | None = None


_ACCEPTED = _Step("capture", "accept")

# (event, state) -> step. "challenged" is capture under fraud_status challenge.
_TABLE: Mapping[tuple[str, str], _Step] = {
    ("pay", "pending"): _Step("settlement", "accept"),
    ("deny", "pending"): _Step("deny"),
    ("deny", "challenged"): _Step("deny", "deny"),
    ("cancel", "pending"): _Step("cancel"),
    ("cancel", "capture"): _Step("cancel"),
    ("cancel", "challenged"): _Step("cancel"),
    ("expire", "pending"): _Step("expire"),
    ("failure", "pending"): _Step("failure"),
    ("challenge", "pending"): _Step("capture", "challenge"),
    ("approve", "challenged"): _ACCEPTED,
    ("challenge_timeout", "challenged"): _Step("cancel"),
    ("settle_card", "capture"): _Step("settlement", "accept"),
    ("reversal", "settlement"): _Step("deny"),
    ("chargeback", "settlement"): _Step("chargeback"),
    ("late_pay", "expire"): _Step("settlement", "accept"),
}
EVENTS = (*dict.fromkeys(event for event, _ in _TABLE), "fds_deny", "refund", "refund_confirm")


def apply(transaction: Transaction, event: str, at: float, mint: Mint, **given: Any) -> Transaction:
    """Change `transaction` by `event`; raises Refusal where the table does not allow it."""
    before = transaction.status
    if event == "refund":
        _refund(transaction, at, mint, **given)
    elif event == "refund_confirm":
        _confirm(transaction, at, **given)
    else:
        _take(transaction, _step(transaction, event), event, at, mint)
    transaction.history.append({"at": at, "from": before, "to": transaction.status, "cause": event})
    return transaction


def _step(transaction: Transaction, event: str) -> _Step:
    state = "challenged" if transaction.is_challenged else transaction.status
    channel = transaction.channel
    if channel.is_card and state == "pending":
        if event == "pay":
            return _ACCEPTED
        if event == "fds_deny":
            return _Step("deny", "deny")
    card_only = event in {"challenge", "approve", "settle_card", "chargeback"}
    if (card_only and not channel.is_card) or (event == "reversal" and not channel.is_reversible):
        raise Refusal
    step = _TABLE.get((event, state))
    if step is None:
        raise Refusal
    return step


def _take(transaction: Transaction, step: _Step, event: str, at: float, mint: Mint) -> None:
    transaction.status = step.to
    if step.fraud and transaction.fraud_status is not None:
        transaction.fraud_status = step.fraud
    if step.to == "settlement":
        transaction.settled_at = at
    elif step.to in {"deny", "cancel", "expire", "failure"}:
        transaction.settled_at = None
    transaction.fields.update(_fields_after(transaction, event, at, mint))
    if step.to == "deny":
        transaction.fields.pop("approval_code", None)


def _fields_after(transaction: Transaction, event: str, at: float, mint: Mint) -> dict[str, Any]:
    """The channel fields that appear with an event."""
    channel = transaction.channel
    if channel.is_card:
        return _card_fields(event, mint)
    if event not in {"pay", "late_pay"}:
        return {}
    if channel.bank == "bni":
        return {"payment_amounts": [{"paid_at": wib(at), "amount": money(transaction.amount)}]}
    if transaction.payment_type == "qris":
        return _qris_fields(transaction, mint)
    if transaction.payment_type == "shopeepay":
        return _shopee_fields("DL", mint)
    if transaction.payment_type == "ovo":
        return {"payer_phone_number": "081200000000", "merchant_invoice": f"INV-{mint.digits(8)}"}
    if channel.name == "indomaret":
        return {"approval_code": mint.digits(12)}
    return {}


def _card_fields(event: str, mint: Mint) -> dict[str, Any]:
    if event in {"pay", "challenge"}:
        return {
            "eci": "05",
            "channel_response_code": "00",
            "channel_response_message": "Approved",
            "approval_code": mint.digits(13, "17"),
        }
    if event == "deny":
        return {"eci": "05", "channel_response_code": "05", "channel_response_message": "Do not honor"}
    return {"eci": "06"} if event == "fds_deny" else {}


def _qris_fields(transaction: Transaction, mint: Mint) -> dict[str, Any]:
    if transaction.fields.get("acquirer") == "gopay":
        paid = {"transaction_type": "on-us", "issuer": "gopay"}
        return {**paid, "merchant_cross_reference_id": mint.uuid()}
    return {"transaction_type": "off-us", "issuer": "dana", **_shopee_fields("QR", mint)}


def _shopee_fields(prefix: str, mint: Mint) -> dict[str, Any]:
    return {
        "shopeepay_reference_number": mint.digits(18, "2"),
        "reference_id": f"{prefix}-{mint.word(22)}",
    }


def _refund(
    transaction: Transaction,
    at: float,
    mint: Mint,
    *,
    amount: Any = None,
    key: Any = None,
    reason: Any = None,
) -> None:
    channel = transaction.channel
    key = str(key) if key else f"RF-{transaction.id}-{len(transaction.refunds) + 1}"
    rest = transaction.amount - transaction.refunded
    amount = rest if amount is None else amount
    for done in transaction.refunds:
        if done["key"] == key:
            if done["amount"] == amount:
                raise Repeated
            raise Refusal(REFUND_KEY_TAKEN, "The refund key has been used for another amount")
    if transaction.status not in {"settlement", "partial_refund"} or not channel.is_refundable:
        raise Refusal
    whole_only = channel.refunds_whole_only and amount != transaction.amount
    if not isinstance(amount, int) or isinstance(amount, bool) or not 1 <= amount <= rest or whole_only:
        raise Refusal(BAD_REFUND, "The refund amount is not possible")
    transaction.refunds.append(
        {
            "number": mint.number("refund"),
            "amount": amount,
            "at": at,
            "reason": str(reason or "customer request")[:255],
            "key": key,
            "method": "offline" if channel.is_card else "online",
            "confirmed_at": None,
        }
    )
    transaction.status = "refund" if amount == rest else "partial_refund"


def _confirm(transaction: Transaction, at: float, *, key: Any = None) -> None:
    for refund in transaction.refunds:
        if refund["confirmed_at"] is None and key in (None, refund["key"]):
            refund["confirmed_at"] = at
            return
    raise Refusal
