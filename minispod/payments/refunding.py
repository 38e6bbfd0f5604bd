"""Give a payment back through the gateway. Ask, then claim, carry out, settle by a job.

The wallet is debited by `settling`, by the same rules as for a refund the gateway announces by itself, because
it is the gateway's status that is settled and never our own wish: whoever brings it first, it is taken back
once. The refund key makes a repeated call harmless. Lock order: the top-up, the wallet; a refund is read and
written under the lock of its top-up.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id, new_ulid
from minispod.kernel.money import Rupiah
from minispod.kernel.tasks import Task
from minispod.payments import queries, settling
from minispod.payments.errors import (
    NoSuchTransaction,
    RefundAmountOdd,
    TopUpNotRefundable,
)
from minispod.payments.gateway import GatewayRejected, GatewayStatus, PaymentGateway
from minispod.payments.models import TopUp, TopUpRefund
from minispod.payments.reviewing import given_reason
from minispod.payments.states import TAKEN_BACK, RefundState, TopUpState

# The payment has ended in another way: there is nothing to give back any more.
_GONE = frozenset({"deny", "expire", "failure", "chargeback", "partial_chargeback"})
_GIVEN_BACK = frozenset({"refund", "cancel"})
_KEY_USED = "406"
_DENIED_BY_BANK = "202"
_SOONEST, _LATEST = timedelta(seconds=20), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What to say to the gateway; `is_sent` when it has agreed already and only its status is missing."""

    refund_id: uuid.UUID
    transaction_id: str
    refund_key: str
    amount: int | None
    reason: str
    is_sent: bool


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """How the payment stands afterwards, and why the gateway refused, if it did."""

    status: GatewayStatus
    refusal: str | None = None


def ask(topup_id: uuid.UUID, *, amount: int | None, reason: str, actor: Actor, at: datetime) -> TopUpRefund:
    """Order a refund of `amount` rupiah (None: all that is left); a held payment goes back whole.

    Refuses NoSuchTransaction, TopUpNotRefundable, RefundAmountOdd, RefundUnderWay, ReasonMissing.
    """
    reason = given_reason(reason)
    topup: TopUp | None = lock(TopUp, topup_id)
    if topup is None or not actor.may_see(topup.user_id):
        raise NoSuchTransaction()
    transaction_id = _refundable(topup)
    queries.refuse_while_refunding(topup.id)
    refund = TopUpRefund(
        id=new_id(),
        topup_id=topup.id,
        transaction_id=transaction_id,
        refund_key=f"RF-{new_ulid()}",
        amount=_part(topup, amount),
        taken_back_before=topup.reversed_amount,
        reason=reason,
        asked_by=actor.name[:120],
        state=RefundState.ASKED,
        asked_at=at,
    )
    session().add(refund)
    _record(topup, trail.Action.TOPUP_REFUND_ASKED, refund, actor=actor, at=at, reason=reason)
    outbox.later(Task.REFUND_TOPUP, key=str(refund.id), at=at, refund_id=str(refund.id))
    return refund


def claim(refund_id: uuid.UUID) -> RefundOrder | None:
    """What is to be done about a refund; None when it is decided."""
    refund = session().get(TopUpRefund, refund_id, populate_existing=True)
    if refund is None or not refund.state.is_under_way:
        return None
    return RefundOrder(
        refund.id,
        refund.transaction_id,
        refund.refund_key,
        refund.amount,
        refund.reason,
        refund.state is RefundState.SENT,
    )


def carry_out(order: RefundOrder, gateway: PaymentGateway) -> RefundOutcome:
    """Give the money back and ask how the payment stands then; raises GatewayUnavailable: do it again."""
    status = gateway.status(order.transaction_id)
    state = status.transaction_status or "not found"
    if not status.found or (state in _GONE and not order.is_sent):
        return RefundOutcome(status, refusal=state)
    if order.is_sent or state in _GIVEN_BACK:
        return RefundOutcome(status)
    try:
        said = _send(order, status, gateway)
    except GatewayRejected as rejected:
        code = str(rejected.details.get("gatewayCode", "unknown"))
        if code != _KEY_USED:
            return RefundOutcome(status, refusal=code)
    else:
        if said.status_code == _DENIED_BY_BANK:
            return RefundOutcome(status, refusal=_DENIED_BY_BANK)
    # The answer to a refund tells of that refund; the sum so far is in the status.
    return RefundOutcome(gateway.status(order.transaction_id))


def settle(
    refund_id: uuid.UUID, outcome: RefundOutcome, *, merchant_id: str, actor: Actor, at: datetime
) -> timedelta | None:
    """Apply what the gateway says now, and note what became of the refund; a span means: look again after it."""
    refund, topup = _locked(refund_id)
    if not refund.state.is_under_way:
        return None
    status = outcome.status
    settling.settle(
        topup.order_id,
        status,
        merchant_id=merchant_id,
        actor=actor,
        at=at,
        # A held payment that went back whole is written as it came and went; nothing else may be credited.
        is_accepted=status.transaction_status == "refund",
    )
    if outcome.refusal is not None:
        refund.refusal = outcome.refusal[:40]
        _end(topup, refund, RefundState.REFUSED, actor=actor, at=at)
        return None
    if _is_done(topup, refund):
        _end(topup, refund, RefundState.DONE, actor=actor, at=at)
        return None
    refund.state = RefundState.SENT
    return max(_SOONEST, min(_LATEST, (at - refund.asked_at) / 2))


def _refundable(topup: TopUp) -> str:
    if topup.state in (TopUpState.PAID, TopUpState.PARTIALLY_REFUNDED):
        transaction_id = topup.paid_transaction_id
    else:
        transaction_id = topup.transaction_id if topup.state is TopUpState.REVIEW else None
    if transaction_id is None:
        raise TopUpNotRefundable()
    return transaction_id


def _part(topup: TopUp, amount: int | None) -> Rupiah | None:
    """The part to give back; None for all that is left."""
    if amount is None:
        return None
    left = topup.payable - topup.reversed_amount
    if topup.state is TopUpState.REVIEW or not 0 < amount <= left:
        raise RefundAmountOdd(left=left)
    return None if amount == left else Rupiah(amount)


def _send(order: RefundOrder, status: GatewayStatus, gateway: PaymentGateway) -> GatewayStatus:
    if status.transaction_status == "capture" and order.amount is None:
        # A card payment that has not settled is voided; it cannot be refunded yet.
        return gateway.cancel(order.transaction_id)
    amount = order.amount or (status.gross_amount or 0) - (status.refund_amount or 0)
    return gateway.refund(
        order.transaction_id, refund_key=order.refund_key, amount=amount, reason=order.reason
    )


def _is_done(topup: TopUp, refund: TopUpRefund) -> bool:
    if topup.state in TAKEN_BACK or topup.state is TopUpState.CANCELLED:
        return True
    return refund.amount is not None and topup.reversed_amount >= refund.taken_back_before + refund.amount


def _end(topup: TopUp, refund: TopUpRefund, state: RefundState, *, actor: Actor, at: datetime) -> None:
    refund.state, refund.settled_at = state, at
    is_done = state is RefundState.DONE
    action = trail.Action.TOPUP_REFUND_DONE if is_done else trail.Action.TOPUP_REFUND_REFUSED
    _record(topup, action, refund, actor=actor, at=at, refusal=refund.refusal)


def _record(
    topup: TopUp,
    action: trail.Action,
    refund: TopUpRefund,
    *,
    actor: Actor,
    at: datetime,
    **more: str | None,
) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="topup",
        subject_id=topup.id,
        amount=int(refund.amount) if refund.amount is not None else "all that is left",
        refund_key=refund.refund_key,
        **more,
    )


def _locked(refund_id: uuid.UUID) -> tuple[TopUpRefund, TopUp]:
    topup_id = session().scalar(select(TopUpRefund.topup_id).where(TopUpRefund.id == refund_id))
    topup: TopUp | None = lock(TopUp, topup_id) if topup_id is not None else None
    if topup is None:
        raise NoSuchTransaction()
    # Whoever changes a refund holds its top-up.
    return session().get_one(TopUpRefund, refund_id, populate_existing=True), topup
