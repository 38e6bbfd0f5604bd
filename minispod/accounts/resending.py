"""Send a mail once more, on an administrator's word: to the address its person has now."""

import uuid
from datetime import datetime

from minispod.accounts import directory
from minispod.accounts.errors import NoSuchUser
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.notifications import post
from minispod.notifications.errors import NotSentAgain
from minispod.notifications.models import Notification
from minispod.notifications.post import Recipient


def resend(message_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Queue it again as a message of its own, once; refuses NoSuchMessage, NotSentAgain. Locks the message."""
    row = post.get_message(message_id)
    recipient = _recipient_now(row)
    post.repeat(message_id, recipient, at=at)
    trail.record(
        actor,
        trail.Action.MESSAGE_RESENT,
        at=at,
        subject_kind="message",
        subject_id=message_id,
        kind=row.kind.value,
        to_new_address=recipient.address != row.to_address,
    )


def _recipient_now(row: Notification) -> Recipient:
    """Whoever it was for, kept from being deleted meanwhile."""
    if row.user_id is None:
        return Recipient(row.to_name, row.to_address, None, row.language)
    try:
        user = directory.keep_user(row.user_id)
    except NoSuchUser:
        raise NotSentAgain("The account it was for is gone.") from None
    return Recipient(user.name, user.email, user.id, row.language)
