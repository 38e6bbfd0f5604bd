"""How a difference reads, in the terminal and on the page: what it is about, and its facts as people write them.

Pure. An amount is written without a place to break the line.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from minispod.kernel.money import format_rupiah
from minispod.proof.check import Subject

AMOUNTS = frozenset(
    [
        "adjusted",
        "amount",
        "balance",
        "balance_after",
        "balance_before",
        "charged",
        "credited",
        "delta",
        "discount_amount",
        "entries_sum",
        "entry_amount",
        "gateway_debt",
        "given_back",
        "gross_amount",
        "ledger_sum",
        "owed",
        "paper_total",
        "refunded",
        "reversed_amount",
        "should_begin_at",
        "spent",
        "too_much",
        "topped_up",
        "total_spent",
        "total_top_up",
        "worth",
    ]
)
"""The facts that are rupiah."""

_MOMENTS = ("_at", "_until", "issued_before")
# Where the name of the fact alone would not be understood.
_LABELS: Mapping[str, str] = {
    "entries_sum": "in the ledger",
    "entry_amount": "in the ledger",
    "gateway_state": "last heard from the gateway",
    "issued_before": "the one before issued",
    "ledger_sum": "sum of its ledger",
    "live_instances": "live instances",
    "live_subscriptions": "live subscriptions",
    "paid_transaction_id": "paid by transaction",
    "paper_total": "on paper",
    "position_before": "the one before at position",
    "reversed_amount": "taken back",
    "total_quota": "slots in all",
    "used_count": "counted",
    "used_quota": "slots counted as taken",
    "uses": "uses that stand",
}
# What its people call a thing; which of the facts says it.
_NAMES: Mapping[str, tuple[str, str]] = {
    Subject.WALLET: ("Wallet", ""),
    Subject.ENTRY: ("Ledger entry", "number"),
    Subject.TOPUP: ("Top-up", "number"),
    Subject.NOTICE: ("Notice about", "order_id"),
    Subject.SUBSCRIPTION: ("Subscription", ""),
    Subject.PLAN: ("Plan", "plan"),
    Subject.SIZE: ("Size", "size"),
    Subject.COUPON: ("Coupon", "code"),
    Subject.PAPER: ("Paper", "paper"),
}


def name(subject: str, subject_id: str, facts: Mapping[str, Any]) -> str:
    """What a difference is about: "Top-up TXMP-12"; its id where nothing else names it."""
    kind, fact = _NAMES.get(subject, (subject.capitalize(), ""))
    return f"{kind} {facts.get(fact) or subject_id}"


def tell(
    subject: str,
    facts: Mapping[str, Any],
    *,
    user_id: uuid.UUID | None,
    zone: ZoneInfo,
    word: Callable[[str], str] = str,
    write: Callable[[str, Any], str] | None = None,
) -> str:
    """The facts in one line, without what is empty or said already by the name and the owner.

    `word` says what a fact is called and `write` what it is in another language than English.
    """
    _, in_name = _NAMES.get(subject, ("", ""))
    known = (None, "", str(user_id))
    written = write or partial(_written, zone=zone)
    return ", ".join(
        f"{word(_LABELS.get(fact) or fact.replace('_', ' '))} {written(fact, value)}"
        for fact, value in facts.items()
        if value not in known and fact != in_name
    )


def _written(fact: str, value: Any, *, zone: ZoneInfo) -> str:
    if fact in AMOUNTS and isinstance(value, int):
        return format_rupiah(value).replace(" ", "\u00a0")
    if fact.endswith(_MOMENTS) and isinstance(value, str):
        try:
            return datetime.fromisoformat(value).astimezone(zone).strftime("%d %b %Y, %H:%M %Z")
        except ValueError:
            return value
    return str(value)
