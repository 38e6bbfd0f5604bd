"""Statement and ledger as rows of a file, one page at a time, oldest first. Reads only."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from minispod.insights import movements, statement
from minispod.insights.movements import Movement
from minispod.insights.statement import Filter, Transaction
from minispod.insights.transactions import TransactionsWanted
from minispod.kernel.actor import Actor
from minispod.kernel.spreadsheets import Cell, NextRows

Rows = Sequence[Sequence[Cell]]
_PAGE = 500

STATEMENT_HEADER = (
    "Number",
    "Date (UTC)",
    "Type",
    "Status",
    "Description",
    "Amount (IDR)",
    "Balance before (IDR)",
    "Balance after (IDR)",
    "Paid by",
    "Payment reference",
    "Completed (UTC)",
    "Id",
)
LEDGER_HEADER = (
    "Number",
    "Date (UTC)",
    "Customer",
    "E-mail",
    "Type",
    "Description",
    "Amount (IDR)",
    "Balance before (IDR)",
    "Balance after (IDR)",
    "Position in wallet",
    "Paid by",
    "Act",
    "Reference",
    "Subscription",
    "Customer id",
    "By",
    "Id",
)


def statement_pages(user_id: uuid.UUID, wanted: Filter, *, actor: Actor) -> NextRows[tuple[datetime, int]]:
    """A reader of one customer's statement, page by page; raises NoSuchTransaction for another's."""

    def read(after: tuple[datetime, int] | None) -> tuple[Rows, tuple[datetime, int] | None]:
        lines, last = statement.next_transactions(user_id, wanted, after=after, limit=_PAGE, actor=actor)
        return [_statement_row(line) for line in lines], last

    return read


def ledger_pages(wanted: TransactionsWanted) -> NextRows[int]:
    """A reader of the ledger for staff, page by page in the order of the numbers."""

    def read(after: int | None) -> tuple[Rows, int | None]:
        found, last = movements.next_movements(wanted, after=after, limit=_PAGE)
        return [_ledger_row(each) for each in found], last

    return read


def _statement_row(line: Transaction) -> Sequence[Cell]:
    return (
        line.custom_id,
        instant(line.created_at),
        line.type.value,
        line.status.value,
        line.description,
        line.amount,
        line.balance_before,
        line.balance_after,
        line.payment_method,
        line.payment_reference,
        instant(line.completed_at),
        str(line.id),
    )


def _ledger_row(movement: Movement) -> Sequence[Cell]:
    entry = movement.entry
    return (
        entry.custom_id,
        instant(entry.created_at),
        movement.customer.name,
        movement.customer.email,
        entry.type.value,
        entry.description,
        entry.delta,
        entry.balance_before,
        entry.balance_after,
        entry.position,
        entry.payment_method,
        entry.kind.value,
        entry.reference,
        _text(entry.subscription_id),
        str(entry.user_id),
        _text(entry.actor_id),
        str(entry.id),
    )


def instant(at: datetime | None) -> str | None:
    """An instant as a spreadsheet reads it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at else None


def _text(id_: uuid.UUID | None) -> str | None:
    return str(id_) if id_ else None
