"""Put a top-up in front of a person: an audit entry and one mail per reason to every active administrator."""

from datetime import datetime

import structlog

from minispod.accounts import directory
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.paging import PageRequest
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.payments.cases import Detail
from minispod.payments.models import TopUp

log = structlog.get_logger(__name__)


def call_staff(
    topup: TopUp, reason: Detail, transaction_id: str | None, *, actor: Actor, at: datetime
) -> None:
    """Write it into the book and tell the administrators once per order, reason and transaction."""
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
    for user in directory.list_users(PageRequest(), role=Role.ADMINISTRATOR).items:
        if user.is_active:
            post.queue(
                MessageKind.STAFF_ALERT,
                post.Recipient(user.name, user.email, user.id),
                dedupe_key=f"topup:{topup.number}:{reason.value}:{transaction_id}:{user.id}",
                at=at,
                facts=facts,
            )
