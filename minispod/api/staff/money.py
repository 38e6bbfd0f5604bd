"""Money of all customers: /api/v1/admin/transactions, /topups, /refunds. Lists, files, and a refund at the gateway."""

from datetime import datetime
from typing import Any

from flask import Response, g

from minispod.api.downloads import CSV, csv_answer
from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.staff_money import (
    GatewayRefundIn,
    OneStaffTransactionOut,
    OneTopUpOut,
    RefundFilter,
    StaffRefundsOut,
    StaffRefundsQuery,
    StaffTopUpsOut,
    StaffTopUpsQuery,
    StaffTransactionsOut,
    StaffTransactionsQuery,
    TopUpFilter,
    TransactionFilter,
)
from minispod.audit import trail
from minispod.insights import money_exports, money_lists, movements, spans, transactions
from minispod.insights.looking_up import MoneyWanted
from minispod.insights.money_lists import TopUpsWanted
from minispod.insights.transactions import SortBy, TransactionsWanted
from minispod.insights.windows import Window
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.spreadsheets import Sheet
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import queries, refunding
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules

door = Door("staff_money", __name__, url_prefix="/api/v1/admin", description="Money of all customers")


@door.get("/transactions")
@requires_staff
@door.arguments(StaffTransactionsQuery, location="query")
@door.answers(200, StaffTransactionsOut, message="Transactions retrieved successfully")
def list_transactions(query: dict[str, Any]) -> dict[str, Any]:
    """List transactions of all customers, newest first."""
    found = transactions.list_transactions(
        wanted_page(query), _transactions_wanted(query), cursor=query["cursor"]
    )
    return {"transactions": found.page.items, "pagination": _window(found)}


@door.get("/transactions.csv")
@requires_staff
@limiter.limit("10 per minute")
@door.arguments(TransactionFilter, location="query")
@door.alt_response(200, **CSV, description="The file")
def export_transactions(query: dict[str, Any]) -> Response:
    """Download transactions as CSV, oldest first, with the filters of the list."""
    wanted = _transactions_wanted(query, now=_now())
    return _file("transactions", money_exports.transactions_sheet(wanted), query)


@door.get("/transactions/<transaction_id>")
@requires_staff
@door.answers(200, OneStaffTransactionOut, message="Transaction retrieved successfully")
def show_transaction(transaction_id: str) -> dict[str, Any]:
    """Show any customer's transaction."""
    return {"transaction": transactions.get_transaction(parse_id(transaction_id), actor=g.actor)}


@door.get("/topups")
@requires_staff
@door.arguments(StaffTopUpsQuery, location="query")
@door.answers(200, StaffTopUpsOut, message="Top-ups retrieved successfully")
def list_topups(query: dict[str, Any]) -> dict[str, Any]:
    """List top-ups of all customers in every state, newest first."""
    found = money_lists.list_topups(wanted_page(query), _topups_wanted(query), cursor=query["cursor"])
    return {"topups": found.page.items, "pagination": _window(found)}


@door.get("/topups.csv")
@requires_staff
@limiter.limit("10 per minute")
@door.arguments(TopUpFilter, location="query")
@door.alt_response(200, **CSV, description="The file")
def export_topups(query: dict[str, Any]) -> Response:
    """Download top-ups as CSV, oldest first, with the filters of the list."""
    return _file("topups", money_exports.topups_sheet(_topups_wanted(query, now=_now())), query)


@door.get("/topups/<topup_id>")
@requires_staff
@door.answers(200, OneTopUpOut, message="Top-up retrieved successfully")
def show_topup(topup_id: str) -> dict[str, Any]:
    """Show one top-up and the refunds the gateway was asked for."""
    return _topup(topup_id)


@door.post("/topups/<topup_id>/refund")
@requires_staff
@limiter.limit("10 per minute")
@door.arguments(GatewayRefundIn)
@door.answers(202, OneTopUpOut, message="The gateway is being asked to give the money back")
def refund_topup(wanted: dict[str, Any], topup_id: str) -> dict[str, Any]:
    """Have the gateway give back a payment, or a part of it; a worker carries it out."""
    ports = current_ports()
    with unit_of_work(ports.courier, Step.ORDER_REFUND):
        refunding.ask(
            parse_id(topup_id),
            amount=wanted["amount"],
            reason=wanted["reason"],
            actor=g.actor,
            at=ports.clock.now(),
        )
    return _topup(topup_id)


@door.get("/refunds")
@requires_staff
@door.arguments(StaffRefundsQuery, location="query")
@door.answers(200, StaffRefundsOut, message="Refunds retrieved successfully")
def list_refunds(query: dict[str, Any]) -> dict[str, Any]:
    """List what of charges was given back to wallets, newest first."""
    found = money_lists.list_refunds(
        wanted_page(query), MoneyWanted(**_wanted(query)), cursor=query["cursor"]
    )
    rows = [
        {
            "id": each.refund.id,
            "custom_id": each.entry.custom_id,
            "transaction_id": each.entry.id,
            "subscription_id": each.refund.subscription_id,
            "of": each.of,
            "amount": each.refund.amount,
            "reason": each.refund.reason,
            "processed_by": each.refund.actor_id,
            "created_at": each.refund.created_at,
            "user": each.user,
        }
        for each in found.page.items
    ]
    return {"refunds": rows, "pagination": _window(found)}


@door.get("/refunds.csv")
@requires_staff
@limiter.limit("10 per minute")
@door.arguments(RefundFilter, location="query")
@door.alt_response(200, **CSV, description="The file")
def export_refunds(query: dict[str, Any]) -> Response:
    """Download refunds as CSV, oldest first, with the filters of the list."""
    return _file("refunds", money_exports.refunds_sheet(MoneyWanted(**_wanted(query, _now()))), query)


def _topup(topup_id: str) -> dict[str, Any]:
    found = movements.get_topup(parse_id(topup_id), actor=g.actor)
    return {"topup": found, "refunds": queries.list_refunds(found.topup.id)}


def _transactions_wanted(query: dict[str, Any], *, now: datetime | None = None) -> TransactionsWanted:
    return TransactionsWanted(type=query["type"], status=query["status"], **_wanted(query, now))


def _topups_wanted(query: dict[str, Any], *, now: datetime | None = None) -> TopUpsWanted:
    return TopUpsWanted(state=query["state"], **_wanted(query, now))


def _wanted(query: dict[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """What is asked for of every list; what happens while a file is written (`now` on) is not in it."""
    zone = business_rules(current_settings()).zone
    until = spans.instant_of(query["end_date"], zone=zone, is_end=True)
    return {
        "search": query["search"],
        "user_id": parse_id(query["user_id"]) if query["user_id"] else None,
        "since": spans.instant_of(query["start_date"], zone=zone),
        "until": until if now is None else min(until or now, now),
        "by_amount": query.get("sort_by") is SortBy.AMOUNT,
        "ascending": query.get("sort_order") == "asc",
    }


def _window(found: Window[Any]) -> dict[str, Any]:
    return {
        **pagination(found.page),
        "total_is_exact": found.is_exact,
        "next_cursor": found.next_cursor,
    }


def _file(name: str, wanted: Sheet[int], query: dict[str, Any]) -> Response:
    """Stream a file; whoever takes the books out of the house is in the audit book."""
    asked = {key: str(value) for key, value in query.items() if value}
    with unit_of_work():
        trail.record(
            g.actor,
            trail.Action.WALLET_EXPORTED,
            at=_now(),
            subject_kind="wallet",
            subject_id=query["user_id"] or "all",
            file=name,
            **asked,
        )
    return csv_answer(name, wanted)


def _now() -> datetime:
    return current_ports().clock.now()
