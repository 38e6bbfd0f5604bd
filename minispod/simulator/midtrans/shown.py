"""How records look in the control API: readable times, nothing that is secret."""

from dataclasses import asdict
from typing import Any

from minispod.simulator.midtrans.newborn import number_to_pay
from minispod.simulator.midtrans.records import Delivery, Session, Transaction
from minispod.simulator.midtrans.times import iso


def shown_session(session: Session, now: float) -> dict[str, Any]:
    """A session; one whose page time is over reads as expired."""
    is_over = session.state == "open" and not session.is_open(now)
    return {
        "token": session.token,
        "order_id": session.order_id,
        "gross_amount": session.amount,
        "state": "expired" if is_over else session.state,
        "created_at": iso(session.created_at),
        "page_expires_at": iso(session.page_expires_at),
        "targets": session.targets,
        "request": session.request,
    }


def shown_transaction(transaction: Transaction) -> dict[str, Any]:
    """A transaction with its history."""
    shown = asdict(transaction)
    amount = shown.pop("amount")
    return {
        **{name: value for name, value in shown.items() if not name.endswith("_at")},
        "transaction_id": transaction.id,
        "gross_amount": amount,
        "number_to_pay": number_to_pay(transaction.fields),
        "created_at": iso(transaction.created_at),
        "expires_at": iso(transaction.expires_at) if transaction.expires_at else None,
        "settled_at": iso(transaction.settled_at) if transaction.settled_at else None,
        "history": [{**step, "at": iso(step["at"])} for step in transaction.history],
    }


def shown_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery with what was answered."""
    return {
        **asdict(delivery),
        "body": delivery.raw.decode("utf-8", "replace"),
        "created_at": iso(delivery.created_at),
        "next_at": iso(delivery.next_at),
        "attempts": [{**attempt, "at": iso(attempt["at"])} for attempt in delivery.attempts],
    }
