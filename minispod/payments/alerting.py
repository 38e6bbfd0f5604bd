"""Put a top-up in front of a person: an audit entry and an alert, told once per reason and transaction.

One that is held ends with its review; of others (a chargeback) a person says when they are dealt with.
"""

from datetime import datetime

import structlog

from minispod.alerts import book
from minispod.alerts.judging import Finding
from minispod.alerts.kinds import Rule
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.payments.cases import Detail
from minispod.payments.models import TopUp
from minispod.payments.states import TopUpState

log = structlog.get_logger(__name__)


def call_staff(
    topup: TopUp, reason: Detail, transaction_id: str | None, *, actor: Actor, at: datetime
) -> None:
    """Write it into both books."""
    log.warning("topup.needs_review", topup_id=str(topup.id), reason=reason.value)
    trail.record(
        actor,
        trail.Action.TOPUP_NEEDS_REVIEW,
        at=at,
        subject_kind="topup",
        subject_id=topup.id,
        reason=reason.value,
        transaction_id=transaction_id,
    )
    facts = {
        "what": "topup_needs_review",
        "reason": reason.value,
        "number": topup.custom_id,
        "order_id": topup.order_id,
        "transaction_id": transaction_id,
        "amount": int(topup.amount),
        "state": topup.state.value,
    }
    rule = Rule.PAYMENT_HELD if topup.state is TopUpState.REVIEW else Rule.PAYMENT_TROUBLE
    occasion = f"{reason.value}:{transaction_id}"
    book.raise_one(Finding(rule, "topup", str(topup.id), topup.custom_id, facts, occasion), at=at)
