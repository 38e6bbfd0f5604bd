"""How a person ends the review of a held top-up: accept what came in, or close it as not paid.

The gateway is asked again before either (claim, carry out with `polling.carry_out`, then one of these), and its
answer goes through `settling` like any other: where it has changed, the change wins. Lock: the top-up.
"""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.payments import queries, settling
from minispod.payments.cases import Detail, Effect, Verdict
from minispod.payments.errors import MoneyIsThere, NoSuchTransaction, ReasonMissing, TopUpNotHeld
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import TopUp
from minispod.payments.polling import Look, look_at
from minispod.payments.states import TopUpState

_SHORTEST_REASON = 3
_LONGEST_REASON = 200
_MONEY_IS_THERE = frozenset({"settlement", "capture", "partial_refund", "partial_chargeback"})


def given_reason(text: str) -> str:
    """The reason a person gave, in one line; raises ReasonMissing."""
    reason = " ".join(text.replace("\x00", " ").split())
    if len(reason) < _SHORTEST_REASON:
        raise ReasonMissing()
    return reason[:_LONGEST_REASON]


def claim(topup_id: uuid.UUID, *, actor: Actor) -> Look:
    """How to ask the gateway about a held top-up; refuses NoSuchTransaction, TopUpNotHeld, RefundUnderWay."""
    return look_at(_held(topup_id, actor))


def accept(
    topup_id: uuid.UUID,
    status: GatewayStatus,
    *,
    reason: str,
    merchant_id: str,
    actor: Actor,
    at: datetime,
) -> Verdict:
    """Credit what really came in, once. Without money, or while fraud screening is open, nothing is credited.

    Refuses TopUpNotHeld, ReasonMissing. The verdict says what happened.
    """
    reason = given_reason(reason)
    topup = _held(topup_id, actor)
    verdict = settling.settle(
        topup.order_id, status, merchant_id=merchant_id, actor=actor, at=at, is_accepted=True
    )
    if verdict.effect in (Effect.CREDIT, Effect.REVERSE):
        _record(topup, trail.Action.TOPUP_ACCEPTED, reason, actor=actor, at=at, amount=int(topup.amount))
    return verdict


def close(
    topup_id: uuid.UUID,
    status: GatewayStatus,
    *,
    reason: str,
    is_returned: bool,
    merchant_id: str,
    actor: Actor,
    at: datetime,
) -> TopUp:
    """End a held top-up without credit. Where the gateway holds the money, only when it went back by hand.

    Refuses TopUpNotHeld, ReasonMissing, MoneyIsThere.
    """
    reason = given_reason(reason)
    topup = _held(topup_id, actor)
    if status.found and status.transaction_status in _MONEY_IS_THERE:
        if not is_returned:
            raise MoneyIsThere()
        topup.returned_transaction_id = status.transaction_id or topup.transaction_id
    settling.settle(topup.order_id, status, merchant_id=merchant_id, actor=actor, at=at)
    if topup.state is TopUpState.REVIEW:
        settling.move(topup, TopUpState.FAILED, Detail.CLOSED_BY_STAFF, actor=actor, at=at)
    _record(topup, trail.Action.TOPUP_CLOSED, reason, actor=actor, at=at, money_returned=is_returned)
    return topup


def _record(
    topup: TopUp, action: trail.Action, reason: str, *, actor: Actor, at: datetime, **more: int
) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="topup",
        subject_id=topup.id,
        reason=reason,
        transaction_id=topup.transaction_id,
        **more,
    )


def _held(topup_id: uuid.UUID, actor: Actor) -> TopUp:
    topup: TopUp | None = lock(TopUp, topup_id)
    if topup is None or not actor.may_see(topup.user_id):
        raise NoSuchTransaction()
    if topup.state is not TopUpState.REVIEW:
        raise TopUpNotHeld()
    queries.refuse_while_refunding(topup.id)
    return topup
