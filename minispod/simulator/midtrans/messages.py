"""What the simulator says about a transaction: signed notifications and answers of the Status API.

Field sets follow the public documents; amounts are text with two decimals, times are Jakarta time, and
what is unknown is left out. Invariant: every message made here carries the signature that fits it.
"""

import dataclasses
import hashlib
from typing import Any

from minispod.simulator.midtrans.records import Transaction
from minispod.simulator.midtrans.times import wib

Message = dict[str, Any]

NOTIFICATION_CODES = {"pending": "201", "deny": "202", "cancel": "202", "expire": "202", "failure": "202"}
STATUS_CODES = {"pending": "201", "deny": "202", "cancel": "200", "expire": "407", "failure": "202"}
_SHOWS_EXPIRY = frozenset({"pending", "expire"})
_KEEPS_EXPIRY = frozenset({"bca_va", "dana"})


def signature(order_id: str, status_code: str, gross_amount: str, server_key: str) -> str:
    """Midtrans' signature over the strings as they are sent."""
    return hashlib.sha512(f"{order_id}{status_code}{gross_amount}{server_key}".encode()).hexdigest()


def signed(message: Message, server_key: str) -> Message:
    """The same message with the signature that fits it."""
    fits = signature(message["order_id"], message["status_code"], message["gross_amount"], server_key)
    return {**message, "signature_key": fits}


def money(amount: int) -> str:
    """Rupiah as Midtrans writes it."""
    return f"{amount}.00"


def status_code(transaction: Transaction, *, notification: bool) -> str:
    """The code that goes with a state; DANA's pending has its own."""
    if transaction.is_challenged:
        return "201"
    if transaction.status == "pending" and transaction.payment_type == "dana":
        return "200"
    codes = NOTIFICATION_CODES if notification else STATUS_CODES
    return codes.get(transaction.status, "200")


def notification(transaction: Transaction, *, server_key: str, merchant_id: str, skew: float = 0) -> Message:
    """The notification of the present state."""
    message = _facts(transaction, merchant_id, skew)
    message["status_message"] = "midtrans payment notification"
    message["status_code"] = status_code(transaction, notification=True)
    return signed(_ordered(message), server_key)


def status_answer(transaction: Transaction, *, server_key: str, merchant_id: str) -> Message:
    """The Status API's answer; BI-SNAP channels find their own id in the place of the order's."""
    message = _facts(transaction, merchant_id, 0)
    message["status_message"] = "Success, transaction is found"
    message["status_code"] = status_code(transaction, notification=False)
    if transaction.channel.is_bi_snap:
        message["order_id"] = transaction.id
    return signed(_ordered(message), server_key)


def before_last_change(transaction: Transaction) -> Transaction | None:
    """The transaction as it was before its newest change; None when it did not exist."""
    last = transaction.history[-1] if transaction.history else {"from": None}
    if last["from"] is None:
        return None
    earlier = dataclasses.replace(transaction, status=last["from"])
    if earlier.status == "pending":
        earlier.settled_at = None
    if last["cause"] == "refund":
        earlier.refunds = transaction.refunds[:-1]
    return earlier


def _facts(transaction: Transaction, merchant_id: str, skew: float) -> Message:
    status = transaction.status
    shouts = status == "pending" and transaction.payment_type == "dana"
    message: Message = {
        "transaction_time": wib(transaction.created_at + skew),
        "transaction_status": status.upper() if shouts else status,
        "transaction_id": transaction.id,
        "payment_type": transaction.payment_type,
        "order_id": transaction.order_id,
        "merchant_id": merchant_id,
        "gross_amount": money(transaction.amount),
        "currency": transaction.currency,
        "fraud_status": None if status == "failure" else transaction.fraud_status,
        "settlement_time": wib(transaction.settled_at + skew) if transaction.settled_at else None,
    }
    if transaction.expires_at and (status in _SHOWS_EXPIRY or transaction.channel_name in _KEEPS_EXPIRY):
        message["expiry_time"] = wib(transaction.expires_at + skew)
    message.update(transaction.fields)
    if transaction.refunds:
        message["refund_amount"] = money(transaction.refunded)
        message["refunds"] = [_refund(refund) for refund in transaction.refunds]
    return {name: value for name, value in message.items() if value is not None}


def _refund(refund: dict[str, Any]) -> Message:
    shown = {
        "refund_chargeback_id": refund["number"],
        "refund_amount": money(refund["amount"]),
        "created_at": wib(refund["at"]),
        "reason": refund["reason"],
        "refund_key": refund["key"],
        "refund_method": refund["method"],
    }
    if refund.get("confirmed_at"):
        shown["bank_confirmed_at"] = wib(refund["confirmed_at"])
    return shown


_FIRST = ("transaction_time", "transaction_status", "transaction_id", "status_message", "status_code")


def _ordered(message: Message) -> Message:
    first = {name: message[name] for name in _FIRST}
    # A place for the signature, where the real thing has it.
    return {**first, "signature_key": "", **{k: v for k, v in message.items() if k not in first}}
