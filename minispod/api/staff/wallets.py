"""Wallet administration: /api/v1/admin/wallets. Figures, list, one wallet, corrections and their confirmation."""

from typing import Any

from flask import g

from minispod.api.envelope import Answer, Door, enveloped
from minispod.api.guard import limiter, requires_staff
from minispod.api.schemas.base import RequestKeyHeader, pagination, wanted_page
from minispod.api.schemas.wallets import (
    AdjustmentsOut,
    AdjustmentsQuery,
    ApprovalIn,
    AwaitedCorrectionOut,
    BulkIn,
    BulkOut,
    CorrectionIn,
    CorrectionOut,
    DeductionIn,
    OneAdjustmentOut,
    WalletDetailsOut,
    WalletOverviewOut,
    WalletsQuery,
    WalletsStatisticsOut,
)
from minispod.insights import adjustments, wallets
from minispod.insights.adjustments import ListedAdjustment
from minispod.kernel.errors import Refusal, Unavailable
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.rules import adjustment_rules
from minispod.wallet import adjusting, statements
from minispod.wallet.adjusting import Correction
from minispod.wallet.models import Adjustment
from minispod.wallet.states import AdjustmentState

_WAITS = "It waits for a second confirmation"

door = Door(
    "staff_wallets", __name__, url_prefix="/api/v1/admin/wallets", description="Wallet administration"
)

_WAITS = "A second confirmation is needed; the adjustment waits for it"


@door.get("/statistics")
@requires_staff
@door.answers(200, WalletsStatisticsOut, message="Wallet statistics retrieved successfully")
def show_statistics() -> dict[str, Any]:
    """Show all wallets in figures."""
    found = wallets.figures(at=current_ports().clock.now())
    sums = found.sums
    return {
        "statistics": {
            "users": {
                "total": sums.wallets,
                "with_balance": sums.with_credit,
                "with_negative_balance": sums.below_zero,
                "with_zero_balance": sums.wallets - sums.with_credit - sums.below_zero,
            },
            "transactions": {
                "total": found.transactions,
                "recent24h": found.transactions_lately,
                "by_type": [
                    {"type": type_.value, "count": each.count, "total_amount": each.amount}
                    for type_, each in found.by_type.items()
                ],
            },
            "balances": {
                "total_balance": sums.balance,
                "average_balance": sums.average(sums.balance),
                "min_balance": sums.smallest,
                "max_balance": sums.largest,
                "total_debt": sums.owed,
            },
            "top_ups": {"total_top_ups": sums.topped_up, "average_top_up": sums.average(sums.topped_up)},
            "spending": {"total_spent": sums.spent, "average_spent": sums.average(sums.spent)},
        }
    }


@door.get("/overview")
@requires_staff
@door.arguments(WalletsQuery, location="query")
@door.answers(200, WalletOverviewOut, message="Wallet overview retrieved successfully")
def list_wallets(query: dict[str, Any]) -> dict[str, Any]:
    """List wallets with their owners."""
    wanted = wallets.WalletsWanted(
        search=query["search"] or "",
        sort_by=query["sort_by"],
        ascending=query["sort_order"] == "asc",
        at_least=query["min_balance"],
        at_most=query["max_balance"],
    )
    page = wallets.list_wallets(wanted_page(query), wanted)
    sums = wallets.sums()
    return {
        "wallet_overview": {
            "users": page.items,
            "pagination": pagination(page),
            "summary": {
                "total_balance": sums.balance,
                "total_top_ups": sums.topped_up,
                "total_spent": sums.spent,
                "average_balance": sums.average(sums.balance),
                "average_top_up": sums.average(sums.topped_up),
                "average_spent": sums.average(sums.spent),
            },
        }
    }


@door.get("/users/<user_id>")
@requires_staff
@door.answers(200, WalletDetailsOut, message="User wallet details retrieved successfully")
def show_wallet(user_id: str) -> dict[str, Any]:
    """Show one wallet with what moved lately and what it pays for."""
    found = wallets.details(parse_id(user_id), actor=g.actor)
    wallet = found.wallet
    return {
        "wallet_details": {
            "user": found.user,
            "balance": {
                "current": wallet.balance,
                "total_top_up": wallet.total_top_up,
                "total_spent": wallet.total_spent,
                "net_balance": wallet.total_top_up - wallet.total_spent,
                "gateway_debt": wallet.gateway_debt,
            },
            "recent_transactions": found.transactions,
            "active_subscriptions": found.subscriptions,
        }
    }


@door.post("/users/<user_id>/add-credit")
@requires_staff
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(CorrectionIn)
@door.alt_response(202, schema=enveloped(AwaitedCorrectionOut), description=_WAITS)
@door.answers(200, CorrectionOut, message="Credit added to user wallet successfully")
def add_credit(key: dict[str, Any], wanted: dict[str, Any], user_id: str) -> Any:
    """Add credit; 202 while it waits for a second confirmation."""
    change = Correction(parse_id(user_id), _size(wanted), wanted["reason"], wanted["description"])
    return _corrected(change, key["request_key"])


@door.post("/users/<user_id>/deduct-credit")
@requires_staff
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(DeductionIn)
@door.alt_response(202, schema=enveloped(AwaitedCorrectionOut), description=_WAITS)
@door.answers(200, CorrectionOut, message="Credit deducted from user wallet successfully")
def deduct_credit(key: dict[str, Any], wanted: dict[str, Any], user_id: str) -> Any:
    """Deduct credit; 202 while it waits for a second confirmation."""
    change = Correction(
        parse_id(user_id),
        -_size(wanted),
        wanted["reason"],
        wanted["description"],
        may_owe=bool(wanted["allow_negative"]),
    )
    return _corrected(change, key["request_key"])


@door.post("/bulk-adjustment")
@requires_staff
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(BulkIn)
@door.answers(200, BulkOut, message="Bulk credit adjustment completed")
def adjust_many(key: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Correct several wallets, each in a unit of work of its own with an outcome of its own."""
    results = [
        _one_of_many(item, wanted, f"{key['request_key']}#{index}" if key["request_key"] else None)
        for index, item in enumerate(wanted["adjustments"])
    ]
    successful = sum(each["success"] for each in results)
    return {
        "results": results,
        "summary": {
            "total": len(results),
            "successful": successful,
            "failed": len(results) - successful,
            "pending": sum(each.get("status") == AdjustmentState.PENDING for each in results),
        },
    }


@door.get("/adjustments")
@requires_staff
@door.arguments(AdjustmentsQuery, location="query")
@door.answers(200, AdjustmentsOut, message="Adjustments retrieved successfully")
def list_adjustments(query: dict[str, Any]) -> dict[str, Any]:
    """List corrections, newest first."""
    owner = parse_id(query["user_id"]) if query["user_id"] else None
    page = adjustments.list_adjustments(wanted_page(query), state=query["status"], user_id=owner)
    return {"adjustments": page.items, "pagination": pagination(page)}


@door.post("/adjustments/<adjustment_id>/approve")
@requires_staff
@limiter.limit("10 per minute")
@door.arguments(ApprovalIn)
@door.answers(200, OneAdjustmentOut, message="Adjustment approved")
def approve_adjustment(given: dict[str, Any], adjustment_id: str) -> dict[str, Any]:
    """Confirm a correction that another administrator asked for; the only one gives the password again."""
    ports, settings = current_ports(), current_settings()
    with unit_of_work(ports.courier, Step.APPROVE_ADJUSTMENT):
        adjusting.approve(
            parse_id(adjustment_id),
            password=given["password"],
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            actor=g.actor,
            at=ports.clock.now(),
        )
    return {"adjustment": adjustments.get_adjustment(parse_id(adjustment_id), actor=g.actor)}


@door.post("/adjustments/<adjustment_id>/decline")
@requires_staff
@door.answers(200, OneAdjustmentOut, message="Adjustment declined")
def decline_adjustment(adjustment_id: str) -> dict[str, Any]:
    """Call off a correction that waits."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        adjusting.decline(parse_id(adjustment_id), actor=g.actor, at=ports.clock.now())
    return {"adjustment": adjustments.get_adjustment(parse_id(adjustment_id), actor=g.actor)}


def _size(wanted: dict[str, Any]) -> int:
    """The amount; a negative one stays too small whichever way it is turned."""
    return max(0, int(wanted["amount"]))


def _requested(change: Correction, request_key: str | None) -> Adjustment:
    ports = current_ports()
    with unit_of_work(ports.courier, Step.ADJUST):
        return adjusting.request(
            change,
            request_key=request_key,
            rules=adjustment_rules(current_settings()),
            actor=g.actor,
            at=ports.clock.now(),
        )


def _corrected(change: Correction, request_key: str | None) -> Any:
    made = adjustments.get_adjustment(_requested(change, request_key).id, actor=g.actor)
    if made.entry is None:
        return Answer({"adjustment": made}, message=_WAITS, status=202)
    return _shown(made)


def _shown(made: ListedAdjustment) -> dict[str, Any]:
    wallet, entry, owner = statements.get_wallet(made.owner.id, actor=g.actor), made.entry, made.owner
    total = (
        {"total_top_up": wallet.total_top_up}
        if made.adjustment.delta > 0
        else {"total_spent": wallet.total_spent}
    )
    return {
        "transaction": entry,
        "user": {
            "id": owner.id,
            "email": owner.email,
            "name": owner.name,
            "previous_balance": entry.balance_before if entry else wallet.balance,
            "new_balance": entry.balance_after if entry else wallet.balance,
            "gateway_debt": wallet.gateway_debt,
            **total,
        },
        "adjustment": made,
    }


def _one_of_many(item: dict[str, Any], wanted: dict[str, Any], request_key: str | None) -> dict[str, Any]:
    try:
        user_id = parse_id(item["user_id"])
        sign = 1 if item["type"] == "ADD" else -1
        change = Correction(
            user_id,
            sign * _size(item),
            wanted["reason"],
            wanted["description"],
            may_owe=bool(item["allow_negative"]),
        )
        made = _requested(change, request_key)
    except Unavailable:
        # The database is away: what was done is done, and the same key goes on from here.
        raise
    except Refusal as refusal:
        return {
            "user_id": item["user_id"],
            "success": False,
            "error": refusal.message,
            "code": refusal.code,
        }
    entry = adjusting.entry_of(made)
    outcome = {"transaction_id": entry.id, "custom_id": entry.custom_id} if entry else {}
    return {
        "user_id": user_id,
        "success": True,
        "status": made.state.value,
        "adjustment_id": made.id,
        **outcome,
    }
