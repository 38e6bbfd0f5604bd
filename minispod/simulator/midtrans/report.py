"""The settlement report as CSV, for reconciliation. The fees are invented."""

import csv
import io

from minispod.simulator.midtrans.records import TRANSACTION, Transaction
from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.times import from_iso, wib

HEADER = (
    "order_id",
    "transaction_id",
    "payment_type",
    "transaction_status",
    "gross_amount",
    "fee",
    "transaction_time",
    "settlement_time",
)
_FLAT_FEE = 4440
_PER_MILLE = {"credit_card": 29, "qris": 7, "gopay": 20, "shopeepay": 20, "dana": 15, "ovo": 15}


def as_csv(store: Store, since: str | None, until: str | None) -> str:
    """Transactions made in [since, until), oldest first; raises ValueError on an unreadable bound."""
    begins = from_iso(since) if since else float("-inf")
    ends = from_iso(until) if until else float("inf")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for body in store.every(TRANSACTION):
        transaction = Transaction(**body)
        if begins <= transaction.created_at < ends:
            writer.writerow(_row(transaction))
    return out.getvalue()


def _row(transaction: Transaction) -> tuple[str | int, ...]:
    rate = _PER_MILLE.get(transaction.payment_type)
    fee = _FLAT_FEE if rate is None else transaction.amount * rate // 1000
    return (
        transaction.order_id,
        transaction.id,
        transaction.payment_type,
        transaction.status,
        transaction.amount,
        fee if transaction.settled_at else 0,
        wib(transaction.created_at),
        wib(transaction.settled_at) if transaction.settled_at else "",
    )
