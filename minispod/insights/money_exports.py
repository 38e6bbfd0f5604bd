"""Transactions, top-ups and refunds of all customers as rows of a file, a page at a time, oldest first. Reads only."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from minispod.insights import money_lists, transactions
from minispod.insights.exports import Rows, instant
from minispod.insights.money_lists import CustomersRefund, MoneyWanted
from minispod.insights.movements import CustomerTopUp
from minispod.insights.transactions import CustomersTransaction, TransactionsWanted
from minispod.kernel.spreadsheets import Cell, NextRows

_PAGE = 500
Item = TypeVar("Item")

TRANSACTIONS_HEADER = (
    "Number",
    "Date (UTC)",
    "Customer",
    "E-mail",
    "Type",
    "Status",
    "Description",
    "Amount (IDR)",
    "Balance before (IDR)",
    "Balance after (IDR)",
    "Paid by",
    "Payment reference",
    "Completed (UTC)",
    "Paper",
    "Subscription",
    "Customer id",
    "Id",
)
TOPUPS_HEADER = (
    "Number",
    "Date (UTC)",
    "Customer",
    "E-mail",
    "State",
    "Amount (IDR)",
    "Fee (IDR)",
    "Taken back (IDR)",
    "Paid by",
    "Order",
    "Paying transaction",
    "Completed (UTC)",
    "Customer id",
    "Id",
)
REFUNDS_HEADER = (
    "Number",
    "Date (UTC)",
    "Customer",
    "E-mail",
    "Of",
    "Amount (IDR)",
    "Reason",
    "Subscription",
    "By",
    "Customer id",
    "Id",
)


def transaction_pages(wanted: TransactionsWanted) -> NextRows[int]:
    """A reader of transactions."""
    return _pages(
        lambda after: transactions.next_transactions(wanted, after=after, limit=_PAGE), _transaction_row
    )


def topup_pages(wanted: MoneyWanted) -> NextRows[int]:
    """A reader of top-ups."""
    return _pages(lambda after: money_lists.next_topups(wanted, after=after, limit=_PAGE), _topup_row)


def refund_pages(wanted: MoneyWanted) -> NextRows[int]:
    """A reader of refunds of charges."""
    return _pages(lambda after: money_lists.next_refunds(wanted, after=after, limit=_PAGE), _refund_row)


def _pages(
    read: Callable[[int | None], tuple[Sequence[Item], int | None]], write: Callable[[Item], Sequence[Cell]]
) -> NextRows[int]:
    def rows(after: int | None) -> tuple[Rows, int | None]:
        found, last = read(after)
        return [write(each) for each in found], last

    return rows


def _transaction_row(found: CustomersTransaction) -> Sequence[Cell]:
    line = found.line
    return (
        line.custom_id,
        instant(line.created_at),
        found.user.name,
        found.user.email,
        line.type.value,
        line.status.value,
        line.description,
        line.amount,
        line.balance_before,
        line.balance_after,
        line.payment_method,
        line.payment_reference,
        instant(line.completed_at),
        line.invoice_number,
        str(line.subscription_id) if line.subscription_id else None,
        str(line.user_id),
        str(line.id),
    )


def _topup_row(found: CustomerTopUp) -> Sequence[Cell]:
    topup = found.topup
    return (
        topup.custom_id,
        instant(topup.created_at),
        found.customer.name,
        found.customer.email,
        topup.state.value,
        topup.amount,
        topup.fee,
        topup.reversed_amount,
        topup.payment_method,
        topup.order_id,
        topup.paid_transaction_id,
        instant(topup.completed_at),
        str(topup.user_id),
        str(topup.id),
    )


def _refund_row(found: CustomersRefund) -> Sequence[Cell]:
    refund = found.refund
    return (
        found.entry.custom_id,
        instant(refund.created_at),
        found.user.name,
        found.user.email,
        "PERIOD" if refund.period_id else "UPGRADE",
        refund.amount,
        refund.reason,
        str(refund.subscription_id),
        str(refund.actor_id) if refund.actor_id else None,
        str(found.user.id),
        str(refund.id),
    )
