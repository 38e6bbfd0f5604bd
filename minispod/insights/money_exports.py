"""Transactions, top-ups, refunds and papers of all customers as rows of a file, a page at a time, oldest first."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from minispod.insights import money_lists, transactions
from minispod.insights.exports import Rows, instant
from minispod.insights.money_lists import CustomersRefund, MoneyWanted
from minispod.insights.movements import CustomerTopUp
from minispod.insights.transactions import CustomersTransaction, TransactionsWanted
from minispod.kernel.actor import Actor
from minispod.kernel.spreadsheets import Cell, NextRows
from minispod.papers import queries
from minispod.papers.queries import Filter, IssuedPaper

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

PAPERS_HEADER = (
    "Number",
    "Issued (UTC)",
    "Kind",
    "Status",
    "Customer",
    "E-mail",
    "Net (IDR)",
    "PPN (IDR)",
    "Total (IDR)",
    "Credited (IDR)",
    "Transaction",
    "Corrects",
    "Subscription",
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


def paper_pages(wanted: Filter, *, actor: Actor) -> NextRows[int]:
    """A reader of receipts, invoices and credit notes."""
    return _pages(
        lambda after: queries.next_papers(wanted, after=after, limit=_PAGE, actor=actor), _paper_row
    )


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


def _paper_row(found: IssuedPaper) -> Sequence[Cell]:
    paper = found.paper
    return (
        paper.number,
        instant(paper.issued_at),
        paper.kind.value,
        found.status.value,
        found.customer.name,
        found.customer.email,
        paper.net,
        paper.tax,
        paper.total,
        found.credited,
        f"TXMP-{paper.entry_number}",
        paper.corrects_number,
        str(paper.subscription_id) if paper.subscription_id else None,
        str(paper.user_id),
        str(paper.id),
    )
