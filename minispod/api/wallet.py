"""The wallet: figures, statement, statistics, payment methods: /api/v1/wallet. Reads only."""

from datetime import datetime
from typing import Any

from flask import Response, g

from minispod.api.downloads import CSV, csv_answer
from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in, requires_sign_in_beside
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.wallet import (
    CreditCheckIn,
    CreditCheckOut,
    OneTransactionOut,
    PaymentMethodsOut,
    StatementQuery,
    StatisticsQuery,
    TransactionsOut,
    TransactionsQuery,
    WalletInfoOut,
    WalletStatisticsOut,
)
from minispod.insights import exports, statement, wallet_statistics, wallet_summary
from minispod.kernel.ids import parse_id
from minispod.kernel.questions import Question
from minispod.payments.gateway import PaymentGroup
from minispod.ports import current_ports, current_settings
from minispod.rules import billing_zone
from minispod.subscriptions.pricing import month_start
from minispod.wallet import statements

door = Door("wallet", __name__, url_prefix="/api/v1/wallet", description="Credit, statement, payment methods")

_METHODS = (
    (
        PaymentGroup.BANK_TRANSFER,
        "Bank Transfer",
        "Virtual account of BCA, BNI, BRI, Mandiri, Permata or CIMB Niaga",
        "bank",
        "Instant verification",
    ),
    (PaymentGroup.E_WALLET, "E-Wallet", "GoPay, ShopeePay, DANA, OVO", "wallet", "Instant"),
    (PaymentGroup.CREDIT_CARD, "Credit Card", "Visa, Mastercard", "credit-card", "Instant"),
    (PaymentGroup.QRIS, "QRIS", "Quick Response Code Indonesian Standard", "qr-code", "Instant"),
)


def _summary(at: datetime) -> tuple[Question, dict[str, Any]]:
    return wallet_summary.asked(month_start(at, billing_zone(current_settings())))


@door.get("/info")
@requires_sign_in_beside(_summary)
@door.answers(200, WalletInfoOut, message="Wallet information retrieved successfully")
def show_wallet() -> dict[str, Any]:
    """Show one's own credit and the newest transactions."""
    found = wallet_summary.told(g.own)
    return {
        "wallet": {
            "user_id": g.user.id,
            "user_name": g.user.name,
            "email": g.user.email,
            "credit_balance": found["balance"],
            "total_top_up": found["total_top_up"],
            "total_spent": found["total_spent"],
            "monthly_spending": found["spent"],
            "net_balance": found["total_top_up"] - found["total_spent"],
            "gateway_debt": found["gateway_debt"],
            "member_since": g.user.created_at,
            "recent_transactions": found["newest"],
        }
    }


@door.get("/transactions")
@requires_sign_in
@door.arguments(TransactionsQuery, location="query")
@door.answers(200, TransactionsOut, message="Transaction history retrieved successfully")
def list_transactions(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own transactions, newest first."""
    wanted = statement.Filter(query["type"], query["status"], query["start_date"], query["end_date"])
    page = statement.list_transactions(g.user.id, wanted_page(query), actor=g.actor, wanted=wanted)
    return {"transactions": page.items, "total_pages": page.pages, "pagination": pagination(page)}


@door.get("/statement.csv")
@requires_sign_in
@limiter.limit("10 per minute")
@door.arguments(StatementQuery, location="query")
@door.alt_response(200, **CSV, description="The statement")
def export_statement(query: dict[str, Any]) -> Response:
    """Download one's own statement as CSV, oldest first, with the filters of the list."""
    now = current_ports().clock.now()
    until = min(query["end_date"] or now, now)  # what happens during the download is not in it
    wanted = statement.Filter(query["type"], query["status"], query["start_date"], until)
    return csv_answer("statement", exports.statement_sheet(g.user.id, wanted, actor=g.actor))


@door.get("/statistics")
@requires_sign_in
@door.arguments(StatisticsQuery, location="query")
@door.answers(200, WalletStatisticsOut, message="Wallet statistics retrieved successfully")
def show_statistics(query: dict[str, Any]) -> dict[str, Any]:
    """Show one's own completed transactions by type and by day, week, month or year."""
    found = wallet_statistics.statistics(
        g.user.id,
        query["period"],
        zone=billing_zone(current_settings()),
        actor=g.actor,
        at=current_ports().clock.now(),
    )
    count = found.total.count
    return {
        "statistics": {
            "overview": {
                "total_amount": found.total.amount,
                "total_transactions": count,
                "average_amount": round(found.total.amount / count) if count else 0,
            },
            "by_type": found.by_type,
            "period_stats": found.spans,
            "recent_activity": found.recent,
        }
    }


@door.post("/check-credit")
@requires_sign_in
@door.arguments(CreditCheckIn)
@door.answers(200, CreditCheckOut, message="Credit check completed")
def check_credit(wanted: dict[str, Any]) -> dict[str, Any]:
    """Tell whether one's own credit covers an amount."""
    wallet, amount = statements.get_wallet(g.user.id, actor=g.actor), wanted["amount"]
    return {
        "credit_check": {
            "user_id": g.user.id,
            "user_name": g.user.name,
            "current_balance": wallet.balance,
            "required_amount": amount,
            "has_sufficient_credit": wallet.balance >= amount,
            "shortfall": max(0, amount - wallet.balance),
        }
    }


@door.get("/transactions/<transaction_id>")
@requires_sign_in
@door.answers(200, OneTransactionOut, message="Transaction retrieved successfully")
def show_transaction(transaction_id: str) -> dict[str, Any]:
    """Show one of one's own transactions."""
    return {"transaction": statement.get_transaction(parse_id(transaction_id), actor=g.actor)}


@door.get("/payment-methods")
@requires_sign_in
@door.answers(200, PaymentMethodsOut, message="Payment methods retrieved successfully")
def list_payment_methods() -> dict[str, Any]:
    """List the ways to pay."""
    names = ("type", "name", "description", "icon", "processing_time")
    return {
        "payment_methods": [
            dict(zip(names, (group.value, *texts), strict=True)) for group, *texts in _METHODS
        ]
    }
