"""The first look at a wallet: its figures and its newest transactions, in one statement with its owner. Reads only.

The front end asks for it on every page. What is newest of the ledger and what is newest of the top-ups is each read
from its index and no further; a credited top-up stands where it was begun, as in the statement.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, bindparam, cast, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by

from minispod.accounts.sessions import ACCOUNT, beside_account
from minispod.kernel.database import table_of
from minispod.kernel.money import Rupiah
from minispod.kernel.questions import Question, one_of
from minispod.payments.gateway import PaymentGroup
from minispod.payments.models import TopUp, called
from minispod.payments.states import TopUpState, TransactionStatus
from minispod.wallet.errors import NoSuchWallet
from minispod.wallet.models import EntryType, LedgerEntry, Wallet
from minispod.wallet.statements import SPENDING

NEWEST = 10
_wallet, _entry, _topup = table_of(Wallet).c, table_of(LedgerEntry).c, table_of(TopUp).c

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
    .where(_entry.user_id == ACCOUNT, ~select(_topup.id).where(_topup.id == _entry.id).exists())
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
    .where(_topup.user_id == ACCOUNT)
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
    .where(_entry.user_id == ACCOUNT, one_of(_entry.type, SPENDING), _entry.created_at >= bindparam("since"))
    .scalar_subquery()
)
# In one list beside the figures: as rows each would repeat them.
_SHOWN = (
    "id",
    "type",
    "amount",
    "description",
    "state",
    "payment_group",
    "is_second",
    "created_at",
    "completed_at",
)
_lines = select(
    func.json_agg(
        aggregate_order_by(
            func.json_build_array(*(_line.c[name] for name in _SHOWN)),
            _line.c.created_at.desc(),
            _line.c.number.desc(),
        )
    )
).scalar_subquery()
_own = (
    select(
        _wallet.balance,
        _wallet.gateway_debt,
        _wallet.total_top_up,
        _wallet.total_spent,
        _SPENT.label("spent"),
        _lines.label("lines"),
    )
    .where(_wallet.user_id == ACCOUNT)
    .subquery("own")
)
_SUMMARY = beside_account(_own)
_FIGURES = ("balance", "gateway_debt", "total_top_up", "total_spent", "spent")


def asked(since: datetime) -> tuple[Question, dict[str, Any]]:
    """What is asked beside one's own account for `told`: with what was spent since an instant."""
    return _SUMMARY, {"since": since}


def told(own: Any) -> dict[str, Any]:
    """The figures and the newest transactions in short, of what was `asked`; raises NoSuchWallet."""
    if own.balance is None:
        raise NoSuchWallet()
    return {
        **{name: getattr(own, name) for name in _FIGURES},
        "newest": [_in_short(*line) for line in own.lines or ()],
    }


def _in_short(
    line_id: str,
    kind: str,
    amount: Rupiah,
    description: str | None,
    state: str | None,
    group: str,
    is_second: bool,
    created_at: str,
    completed_at: str | None,
) -> dict[str, Any]:
    top_up = TopUpState(state) if state is not None else None
    return {
        "id": line_id,
        "type": kind,
        "status": top_up.is_shown_as if top_up else TransactionStatus.COMPLETED,
        "amount": amount,
        "description": called(PaymentGroup(group), is_second=is_second) if top_up else description,
        "created_at": datetime.fromisoformat(created_at),
        "completed_at": datetime.fromisoformat(completed_at) if completed_at else None,
    }
