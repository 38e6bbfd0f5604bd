"""Ask the gateway about top-ups by ourselves, because notices may be late or lost. Claim and carry out.

The answer goes through `settling.settle`, the same way as a notice. Lock: the top-up.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.tasks import Task
from minispod.payments import notices, settling, timetable
from minispod.payments.errors import NoSuchTransaction
from minispod.payments.gateway import GatewayStatus, PaymentGateway
from minispod.payments.models import TopUp


@dataclass(frozen=True, slots=True)
class Look:
    """Which payment to ask the gateway about: by our order number, then by the attempt we heard of.

    `checkout_token` is the payment page, while it may be open.
    """

    order_id: str
    ids: tuple[str, ...]
    checkout_token: str | None = None


def look_at(topup: TopUp) -> Look:
    """How to ask the gateway about a top-up."""
    if topup.paid_transaction_id is not None:
        return Look(topup.order_id, (topup.paid_transaction_id,))
    if topup.second_of is not None:
        # The order number stands for the payment that was credited.
        return Look(topup.order_id, tuple(filter(None, (topup.transaction_id,))))
    # The order number stands for the newest attempt; some channels are known by their own id only.
    ids = tuple(filter(None, (topup.order_id, topup.transaction_id)))
    return Look(topup.order_id, ids, topup.snap_token if topup.can_be_paid else None)


def carry_out(look: Look, gateway: PaymentGateway) -> GatewayStatus:
    """Ask the gateway; raises GatewayUnavailable."""
    for payment_id in look.ids:
        status = gateway.status(payment_id)
        if status.found:
            return status
    return GatewayStatus(found=False)


def claim(topup_id: uuid.UUID, *, at: datetime) -> Look | None:
    """Count the look and plan the next one; None when nothing can change any more."""
    topup: TopUp | None = lock(TopUp, topup_id)
    if topup is None or topup.next_poll_at is None:
        return None
    topup.polls += 1
    settling.plan_next_look(topup, at=at)
    # Settling plans anew. Until then the last look must not be lost to a silent gateway.
    topup.next_poll_at = topup.next_poll_at or at + timetable.UNANSWERED
    return look_at(topup)


def claim_now(topup_id: uuid.UUID, *, actor: Actor, at: datetime) -> Look:
    """Count a look a person asks for, whatever the schedule says, in the book; raises NoSuchTransaction."""
    topup: TopUp | None = lock(TopUp, topup_id)
    if topup is None or not actor.may_see(topup.user_id):
        raise NoSuchTransaction()
    topup.polls += 1
    trail.record(actor, trail.Action.TOPUP_ASKED_ABOUT, at=at, subject_kind="topup", subject_id=topup.id)
    return look_at(topup)


def list_due(at: datetime, limit: int = 200) -> Sequence[uuid.UUID]:
    """Top-ups to ask the gateway about now."""
    wanted = select(TopUp.id).where(TopUp.next_poll_at <= at).order_by(TopUp.next_poll_at).limit(limit)
    return session().scalars(wanted).all()


def queue_due(at: datetime) -> int:
    """Have every top-up that is due asked about, and every abandoned notice settled; the number of both."""
    due, abandoned = list_due(at), notices.list_abandoned(at)
    outbox.ensure_each(Task.POLL_TOPUP, {str(id_): {"topup_id": str(id_)} for id_ in due}, at=at)
    for notice_id in sorted(abandoned):
        notices.leave_to_job(notice_id, at=at)
    return len(due) + len(abandoned)
