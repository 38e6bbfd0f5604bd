"""The diary of our questions to the gateway: what it said, when, and what was made of it.

Written where the answer is settled. The same answer to the same asker again is counted, not repeated, so that
a customer who reloads a page writes no book.
"""

import uuid
from datetime import datetime

from sqlalchemy import select

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.payments.cases import Detail
from minispod.payments.gateway import GatewayStatus
from minispod.payments.models import GatewayLook

_UNKNOWN = "not found"
_LENGTH = 40


def note(topup_id: uuid.UUID, status: GatewayStatus, verdict: Detail, *, actor: Actor, at: datetime) -> None:
    """Write down an answer. The caller holds the top-up's lock."""
    said = (status.transaction_status or _UNKNOWN)[:_LENGTH]
    answer = (actor.name[:120], said, status.transaction_id, verdict.value)
    newest = select(GatewayLook).where(GatewayLook.topup_id == topup_id)
    last = session().scalar(newest.order_by(GatewayLook.last_at.desc(), GatewayLook.id.desc()).limit(1))
    if last is not None and (last.asked_by, last.said, last.transaction_id, last.verdict) == answer:
        last.times += 1
        last.last_at = at
        return
    session().add(
        GatewayLook(
            id=new_id(),
            topup_id=topup_id,
            asked_by=answer[0],
            said=said,
            transaction_id=status.transaction_id,
            verdict=verdict.value,
            times=1,
            first_at=at,
            last_at=at,
        )
    )
