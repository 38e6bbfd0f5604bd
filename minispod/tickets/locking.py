"""Tickets, locked: a customer's own, or any for staff. Nothing else of the order of locks is taken after one."""

import uuid

from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.tickets.errors import NoSuchTicket
from minispod.tickets.models import Ticket


def lock_own(ticket_id: uuid.UUID, *, actor: Actor) -> Ticket:
    """The actor's own ticket, locked; raise NoSuchTicket, also for staff's looks at others'."""
    ticket = lock_any(ticket_id)
    if ticket.user_id != actor.user_id:
        raise NoSuchTicket()
    return ticket


def lock_any(ticket_id: uuid.UUID) -> Ticket:
    """Anybody's ticket, locked, for staff; raise NoSuchTicket."""
    ticket: Ticket | None = lock(Ticket, ticket_id)
    if ticket is None:
        raise NoSuchTicket()
    return ticket
