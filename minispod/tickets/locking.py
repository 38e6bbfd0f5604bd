"""A ticket, locked for a change. Nothing else of the order of locks is taken after one (docs/adr/0005)."""

import uuid

from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.tickets.errors import NoSuchTicket
from minispod.tickets.models import Ticket


def lock_ticket(ticket_id: uuid.UUID, *, actor: Actor) -> Ticket:
    """The ticket, locked, for its owner or staff; raise NoSuchTicket."""
    ticket: Ticket | None = lock(Ticket, ticket_id)
    if ticket is None or not actor.may_see(ticket.user_id):
        raise NoSuchTicket()
    return ticket
