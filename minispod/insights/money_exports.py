"""Transactions, top-ups, refunds and papers of all customers as files, a page at a time, oldest first. Reads only."""

from minispod.insights import money_lists, transactions
from minispod.insights.looking_up import MoneyWanted
from minispod.insights.money_lists import CustomersRefund, TopUpsWanted
from minispod.insights.movements import CustomerTopUp
from minispod.insights.transactions import CustomersTransaction, TransactionsWanted
from minispod.kernel.actor import Actor
from minispod.kernel.spreadsheets import Columns, Sheet, sheet
from minispod.papers import queries
from minispod.papers.queries import Filter, IssuedPaper

_PAGE = 500

_TRANSACTIONS: Columns[CustomersTransaction] = {
    "Number": lambda row: row.line.custom_id,
    "Date (UTC)": lambda row: row.line.created_at,
    "Customer": lambda row: row.user.name,
    "E-mail": lambda row: row.user.email,
    "Type": lambda row: row.line.type.value,
    "Status": lambda row: row.line.status.value,
    "Description": lambda row: row.line.description,
    "Amount (IDR)": lambda row: row.line.amount,
    "Balance before (IDR)": lambda row: row.line.balance_before,
    "Balance after (IDR)": lambda row: row.line.balance_after,
    "Paid by": lambda row: row.line.payment_method,
    "Payment reference": lambda row: row.line.payment_reference,
    "Completed (UTC)": lambda row: row.line.completed_at,
    "Paper": lambda row: row.line.invoice_number,
    "Subscription": lambda row: row.line.subscription_id,
    "Customer id": lambda row: row.line.user_id,
    "Id": lambda row: row.line.id,
}
_TOPUPS: Columns[CustomerTopUp] = {
    "Number": lambda row: row.topup.custom_id,
    "Date (UTC)": lambda row: row.topup.created_at,
    "Customer": lambda row: row.customer.name,
    "E-mail": lambda row: row.customer.email,
    "State": lambda row: row.topup.state.value,
    "Amount (IDR)": lambda row: row.topup.amount,
    "Fee (IDR)": lambda row: row.topup.fee,
    "Taken back (IDR)": lambda row: row.topup.reversed_amount,
    "Paid by": lambda row: row.topup.payment_method,
    "Order": lambda row: row.topup.order_id,
    "Paying transaction": lambda row: row.topup.paid_transaction_id,
    "Completed (UTC)": lambda row: row.topup.completed_at,
    "Customer id": lambda row: row.topup.user_id,
    "Id": lambda row: row.topup.id,
}
_REFUNDS: Columns[CustomersRefund] = {
    "Number": lambda row: row.entry.custom_id,
    "Date (UTC)": lambda row: row.refund.created_at,
    "Customer": lambda row: row.user.name,
    "E-mail": lambda row: row.user.email,
    "Of": lambda row: row.of,
    "Amount (IDR)": lambda row: row.refund.amount,
    "Reason": lambda row: row.refund.reason,
    "Subscription": lambda row: row.refund.subscription_id,
    "By": lambda row: row.refund.actor_id,
    "Customer id": lambda row: row.user.id,
    "Id": lambda row: row.refund.id,
}

_PAPERS: Columns[IssuedPaper] = {
    "Number": lambda row: row.paper.number,
    "Issued (UTC)": lambda row: row.paper.issued_at,
    "Kind": lambda row: row.paper.kind.value,
    "Status": lambda row: row.status.value,
    "Customer": lambda row: row.customer.name,
    "E-mail": lambda row: row.customer.email,
    "Net (IDR)": lambda row: row.paper.net,
    "PPN (IDR)": lambda row: row.paper.tax,
    "Total (IDR)": lambda row: row.paper.total,
    "Credited (IDR)": lambda row: row.credited,
    "Transaction": lambda row: f"TXMP-{row.paper.entry_number}",
    "Corrects": lambda row: row.paper.corrects_number,
    "Subscription": lambda row: row.paper.subscription_id,
    "Customer id": lambda row: row.paper.user_id,
    "Id": lambda row: row.paper.id,
}


def transactions_sheet(wanted: TransactionsWanted) -> Sheet[int]:
    """Transactions."""
    return sheet(
        _TRANSACTIONS, lambda after: transactions.next_transactions(wanted, after=after, limit=_PAGE)
    )


def topups_sheet(wanted: TopUpsWanted) -> Sheet[int]:
    """Top-ups in every state."""
    return sheet(_TOPUPS, lambda after: money_lists.next_topups(wanted, after=after, limit=_PAGE))


def refunds_sheet(wanted: MoneyWanted) -> Sheet[int]:
    """What of charges was given back."""
    return sheet(_REFUNDS, lambda after: money_lists.next_refunds(wanted, after=after, limit=_PAGE))


def papers_sheet(wanted: Filter, *, actor: Actor) -> Sheet[int]:
    """Receipts, invoices and credit notes."""
    return sheet(_PAPERS, lambda after: queries.next_papers(wanted, after=after, limit=_PAGE, actor=actor))
