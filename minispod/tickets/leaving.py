"""What becomes of tickets when their customer leaves."""

import uuid
from datetime import datetime

from sqlalchemy import delete, select

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.tickets.models import Ticket


def forget_customer(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> int:
    """Delete a customer's tickets with their messages, in the transaction of the leaving; returns how many.

    Their attachments are loose from now on: a job removes the files within two hours. What an
    administrator wrote in others' tickets stays, and loses its author when the account is deleted.
    """
    locked = select(Ticket.number).where(Ticket.user_id == user_id).order_by(Ticket.id).with_for_update()
    forgotten = sorted(session().scalars(locked))
    session().execute(
        delete(Ticket).where(Ticket.user_id == user_id).execution_options(synchronize_session=False)
    )
    if forgotten:
        trail.record(
            actor,
            trail.Action.TICKETS_FORGOTTEN,
            at=at,
            subject_kind="user",
            subject_id=user_id,
            numbers=forgotten,
        )
    return len(forgotten)
