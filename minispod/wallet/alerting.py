"""Tell those who may give the second confirmation that an adjustment waits for it: one mail each."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.kernel.actor import Role
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.wallet.models import Adjustment


def call_staff(adjustment: Adjustment, *, at: datetime) -> None:
    """Write to every other active administrator; to whoever asked for it when there is nobody else."""
    facts = {
        "adjustment_id": str(adjustment.id),
        "customer": session().get_one(User, adjustment.user_id).name,
        "asked_by": session().get_one(User, adjustment.requested_by).name,
        "amount": int(adjustment.delta),
        "reason": adjustment.reason,
        "expires_at": adjustment.expires_at.isoformat() if adjustment.expires_at else None,
    }
    for user in _confirmers(adjustment):
        post.queue(
            MessageKind.STAFF_ALERT,
            post.Recipient(user.name, user.email, user.id),
            dedupe_key=f"adjustment:{adjustment.id}:{user.id}",
            at=at,
            facts=facts,
        )


def _confirmers(adjustment: Adjustment) -> Sequence[User]:
    administrators = (
        session()
        .scalars(
            select(User).where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True)).order_by(User.id)
        )
        .all()
    )
    return [user for user in administrators if user.id != adjustment.requested_by] or administrators
