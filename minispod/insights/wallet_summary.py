"""The first look at a wallet: its figures and its newest transactions, in one statement made once. Reads only.

The front end asks for it on every page. What is newest of the ledger and what is newest of the top-ups is each read
from its index and no further; a credited top-up stands where it was begun, as in the statement.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, bindparam, cast, func, literal, null, select, true, union_all

from minispod.kernel.actor import Actor
from minispod.kernel.database import run, table_of
from minispod.kernel.prepared import prepared
from minispod.payments.models import TopUp, called
from minispod.payments.states import TransactionStatus
from minispod.wallet.errors import NoSuchWallet
from minispod.wallet.models import EntryType, LedgerEntry, Wallet
from minispod.wallet.statements import SPENDING

NEWEST = 10
_wallet, _entry, _topup = table_of(Wallet).c, table_of(LedgerEntry).c, table_of(TopUp).c
_OWNER = bindparam("owner", type_=_wallet.user_id.type)

_MOVED = (
    select(
        _entry.id,
        _entry.created_at,
        _entry.number,
        cast(_entry.type, String).label("type"),
        _entry.amount,
        _entry.description,
        cast(null(), _topup.state.type).label("state"),
        cast(null(), _topup.payment_group.type).label("payment_group"),
        literal(False).label("is_second"),
        _entry.created_at.label("completed_at"),
    )
    .where(_entry.user_id == _OWNER, ~select(_topup.id).where(_topup.id == _entry.id).exists())
    .order_by(_entry.created_at.desc(), _entry.number.desc())
    .limit(literal(NEWEST, Integer))
)
_BEGUN = (
    select(
        _topup.id,
        _topup.created_at,
        _topup.number,
        literal(EntryType.TOP_UP.value),
        _topup.amount,
        null(),
        _topup.state,
        _topup.payment_group,
        _topup.second_of.is_not(None),
        _topup.completed_at,
    )
    .where(_topup.user_id == _OWNER)
    .order_by(_topup.created_at.desc(), _topup.number.desc())
    .limit(literal(NEWEST, Integer))
)
_NEWEST = union_all(_MOVED, _BEGUN)
_line = (
    _NEWEST.order_by(_NEWEST.selected_columns.created_at.desc(), _NEWEST.selected_columns.number.desc())
    .limit(literal(NEWEST, Integer))
    .subquery("line")
)
_SPENT = (
    select(func.coalesce(func.sum(_entry.amount), 0))
    .where(_entry.user_id == _OWNER, _entry.type.in_(SPENDING), _entry.created_at >= bindparam("since"))
    .scalar_subquery()
)
# The figures stand before each of the newest transactions, or alone where there is none.
_SUMMARY = prepared(
    select(
        _wallet.balance,
        _wallet.gateway_debt,
        _wallet.total_top_up,
        _wallet.total_spent,
        _SPENT.label("spent"),
        _line,
    )
    .select_from(table_of(Wallet).outerjoin(_line, true()))
    .where(_wallet.user_id == _OWNER)
    .order_by(_line.c.created_at.desc(), _line.c.number.desc())
)
_FIGURES = ("balance", "gateway_debt", "total_top_up", "total_spent", "spent")


def get_summary(user_id: uuid.UUID, *, since: datetime, actor: Actor) -> dict[str, Any]:
    """The figures, what was spent since an instant, and the newest transactions in short; raises NoSuchWallet."""
    values = {"owner": user_id, "since": since}
    rows = run(_SUMMARY, values).mappings().all() if actor.may_see(user_id) else []
    if not rows:
        raise NoSuchWallet()
    figures = {name: rows[0][name] for name in _FIGURES}
    return {**figures, "newest": [_in_short(row) for row in rows if row["id"] is not None]}


def _in_short(line: Mapping[Any, Any]) -> dict[str, Any]:
    state = line["state"]
    return {
        "id": line["id"],
        "type": line["type"],
        "status": state.is_shown_as if state is not None else TransactionStatus.COMPLETED,
        "amount": line["amount"],
        "description": line["description"]
        if state is None
        else called(line["payment_group"], is_second=line["is_second"]),
        "created_at": line["created_at"],
        "completed_at": line["completed_at"],
    }
