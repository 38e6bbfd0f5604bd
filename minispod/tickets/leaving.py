"""What becomes of tickets when their customer leaves."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, select

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.tickets.models import Ticket


def hold_tickets(user_id: uuid.UUID) -> Sequence[int]:
    """Lock a customer's tickets, before the account: whoever writes into one refers to the account after it.

    Returns their numbers.
    """
    return _lock(user_id)


def has_no_other(user_id: uuid.UUID, numbers: Sequence[int]) -> bool:
    """Tell whether a customer has no ticket but these."""
    other = exists().where(Ticket.user_id == user_id, Ticket.number.not_in(numbers))
    return not session().scalar(select(other))


def forget_customer(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> int:
    """Delete a customer's tickets with their messages, in the transaction of the leaving; returns how many.

    Their attachments are loose from now on: a job removes the files within two hours. What an
    administrator wrote in others' tickets stays, and loses its author when the account is deleted.
    """
    forgotten = sorted(_lock(user_id))
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


def _lock(user_id: uuid.UUID) -> Sequence[int]:
    wanted = select(Ticket.number).where(Ticket.user_id == user_id).order_by(Ticket.id).with_for_update()
    return session().scalars(wanted).all()
