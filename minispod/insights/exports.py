"""Statement and ledger as files, read a page at a time, oldest first. Reads only."""

import uuid
from datetime import datetime

from minispod.insights import movements, statement
from minispod.insights.movements import Movement
from minispod.insights.statement import Filter, Transaction
from minispod.insights.transactions import TransactionsWanted
from minispod.kernel.actor import Actor
from minispod.kernel.spreadsheets import Columns, Sheet, sheet

_PAGE = 500

_STATEMENT: Columns[Transaction] = {
    "Number": lambda line: line.custom_id,
    "Date (UTC)": lambda line: line.created_at,
    "Type": lambda line: line.type.value,
    "Status": lambda line: line.status.value,
    "Description": lambda line: line.description,
    "Amount (IDR)": lambda line: line.amount,
    "Balance before (IDR)": lambda line: line.balance_before,
    "Balance after (IDR)": lambda line: line.balance_after,
    "Paid by": lambda line: line.payment_method,
    "Payment reference": lambda line: line.payment_reference,
    "Completed (UTC)": lambda line: line.completed_at,
    "Id": lambda line: line.id,
}
_LEDGER: Columns[Movement] = {
    "Number": lambda row: row.entry.custom_id,
    "Date (UTC)": lambda row: row.entry.created_at,
    "Customer": lambda row: row.customer.name,
    "E-mail": lambda row: row.customer.email,
    "Type": lambda row: row.entry.type.value,
    "Description": lambda row: row.entry.description,
    "Amount (IDR)": lambda row: row.entry.delta,
    "Balance before (IDR)": lambda row: row.entry.balance_before,
    "Balance after (IDR)": lambda row: row.entry.balance_after,
    "Position in wallet": lambda row: row.entry.position,
    "Paid by": lambda row: row.entry.payment_method,
    "Act": lambda row: row.entry.kind.value,
    "Reference": lambda row: row.entry.reference,
    "Subscription": lambda row: row.entry.subscription_id,
    "Customer id": lambda row: row.entry.user_id,
    "By": lambda row: row.entry.actor_id,
    "Id": lambda row: row.entry.id,
}


def statement_sheet(user_id: uuid.UUID, wanted: Filter, *, actor: Actor) -> Sheet[tuple[datetime, int]]:
    """One customer's statement; reading it raises NoSuchTransaction for another's."""
    return sheet(
        _STATEMENT,
        lambda after: statement.next_transactions(user_id, wanted, after=after, limit=_PAGE, actor=actor),
    )


def ledger_sheet(wanted: TransactionsWanted) -> Sheet[int]:
    """The ledger for staff, in the order of the numbers."""
    return sheet(_LEDGER, lambda after: movements.next_movements(wanted, after=after, limit=_PAGE))
