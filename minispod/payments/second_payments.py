"""A second payment of an order that is paid: a top-up of its own, held until a person decides about it.

It has a number and a ledger entry of its own, is credited and given back like any other, and never credits by
itself (`verdicts`). One gateway transaction is one such row. Lock order: the order's top-up, then this one.
"""

from datetime import datetime

import structlog
from sqlalchemy import func, select

from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.payments import timetable
from minispod.payments.cases import Case, Detail
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState
from minispod.wallet import ledger

log = structlog.get_logger(__name__)

_TYPE_LENGTH = 40


def find(topup: TopUp, transaction_id: str | None) -> TopUp | None:
    """The second payment of this order made by that transaction, locked. The caller holds the order's lock."""
    if transaction_id is None or transaction_id == topup.paid_transaction_id:
        return None
    wanted = select(TopUp.id).where(TopUp.second_of == topup.id, TopUp.transaction_id == transaction_id)
    found = session().scalar(wanted)
    return lock(TopUp, found) if found is not None else None


def hold(topup: TopUp, case: Case, *, at: datetime) -> TopUp | None:
    """Open the held top-up of a second payment; None when what came in is no rupiah. The order is locked."""
    received, status = case.status.gross_amount, case.status
    if received is None or received < 1 or status.currency not in (None, "IDR"):
        return None
    earlier = (
        session().scalar(select(func.count()).select_from(TopUp).where(TopUp.second_of == topup.id)) or 0
    )
    fee = min(topup.fee, received - 1)
    second = TopUp(
        id=new_id(),
        number=ledger.next_number(),
        order_id=f"{topup.order_id}-{earlier + 2}",
        second_of=topup.id,
        user_id=topup.user_id,
        amount=Rupiah(received - fee),
        fee=Rupiah(fee),
        payment_group=topup.payment_group,
        state=TopUpState.REVIEW,
        review_reason=Detail.HOLD_DOUBLE_PAYMENT.value,
        transaction_id=case.transaction_id,
        payment_type=(status.payment_type or "")[:_TYPE_LENGTH] or None,
        gateway_state=(status.transaction_status or "")[:_TYPE_LENGTH],
        expires_at=at,
        reversed_amount=Rupiah(0),
        polls=0,
        created_at=at,
        updated_at=at,
    )
    second.next_poll_at = timetable.next_look(
        second.state,
        created_at=at,
        expires_at=at,
        completed_at=None,
        payment_type=second.payment_type,
        at=at,
    )
    session().add(second)
    session().flush()  # the audit entry and the mails of the alert name the row
    log.warning("topup.paid_twice", topup_id=str(topup.id), second_id=str(second.id))
    return second
