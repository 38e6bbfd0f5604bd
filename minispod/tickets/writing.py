"""Messages in a ticket, and up to where each side has read.

A customer may write into a closed ticket, too: it stays closed, and staff see that there is something unread.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, update

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.tickets import attaching
from minispod.tickets.errors import BadMessage
from minispod.tickets.locking import lock_ticket
from minispod.tickets.models import Ticket, TicketMessage
from minispod.tickets.states import TicketStatus
from minispod.tickets.telling import tell_answer

LONGEST_MESSAGE = 2000
"""Characters a message may have."""


def write_message(
    ticket_id: uuid.UUID,
    content: str,
    *,
    as_staff: bool,
    attachment_ids: Sequence[uuid.UUID] = (),
    message_id: uuid.UUID | None = None,
    actor: Actor,
    at: datetime,
) -> TicketMessage:
    """Write into a ticket; refuses NoSuchTicket, NoSuchAttachment, BadMessage. Locks the ticket.

    With a `message_id` it is written once: the same again gives what was written. An answer of staff takes an
    open ticket up, and its owner gets a mail.
    """
    if not content.strip() or len(content) > LONGEST_MESSAGE:
        raise BadMessage(f"Write between 1 and {LONGEST_MESSAGE:,} characters.")
    ticket = lock_ticket(ticket_id, actor=actor)
    written = session().get(TicketMessage, message_id) if message_id is not None else None
    if written is not None:
        if written.ticket_id != ticket.id:
            raise BadMessage("This answer was sent in another ticket.")
        return written
    id_ = message_id or new_id()
    message = _add(ticket, id_, content, attachment_ids, is_admin_reply=as_staff, actor=actor, at=at)
    if as_staff:
        _answer(ticket, message, len(attachment_ids))
    else:
        ticket.customer_read = message.number
    return message


def note_read(ticket_id: uuid.UUID, number: int, *, by_staff: bool) -> None:
    """The messages up to this one were shown to its owner or to staff; never goes back."""
    read = Ticket.staff_read if by_staff else Ticket.customer_read
    session().execute(
        update(Ticket)
        .where(Ticket.id == ticket_id, or_(read.is_(None), read < number))
        .values({read: number})
        .execution_options(synchronize_session=False)
    )


def _answer(ticket: Ticket, message: TicketMessage, attachments: int) -> None:
    ticket.staff_read = message.number
    if ticket.first_answered_at is None:
        ticket.first_answered_at = message.created_at
    if ticket.status is TicketStatus.OPEN:
        ticket.status = TicketStatus.IN_PROGRESS
    tell_answer(ticket, message, attachments)


def _add(
    ticket: Ticket,
    id_: uuid.UUID,
    content: str,
    attachment_ids: Sequence[uuid.UUID],
    *,
    is_admin_reply: bool,
    actor: Actor,
    at: datetime,
) -> TicketMessage:
    ticket.message_count += 1
    ticket.updated_at = at
    message = TicketMessage(
        id=id_,
        ticket_id=ticket.id,
        number=ticket.message_count,
        author_id=actor.user_id,
        is_admin_reply=is_admin_reply,
        content=content,
        created_at=at,
    )
    session().add(message)
    session().flush()  # attachments refer to it
    attaching.attach(attachment_ids, ticket_id=ticket.id, message_id=message.id, actor=actor)
    trail.record(
        actor,
        trail.Action.TICKET_ANSWERED if is_admin_reply else trail.Action.TICKET_WRITTEN,
        at=at,
        subject_kind="ticket",
        subject_id=ticket.id,
        message=message.number,
        attachments=len(attachment_ids),
    )
    return message
