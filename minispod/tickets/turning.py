"""Close, reopen and sort tickets. Each act locks its ticket and may be repeated: what is so already stays so."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.errors import Refusal
from minispod.kernel.ids import parse_id
from minispod.tickets.errors import TicketAlreadyClosed
from minispod.tickets.locking import lock_ticket
from minispod.tickets.models import Ticket
from minispod.tickets.states import TicketPriority, TicketStatus

_ACTIONS = {
    TicketStatus.OPEN: trail.Action.TICKET_REOPENED,
    TicketStatus.IN_PROGRESS: trail.Action.TICKET_TAKEN_UP,
    TicketStatus.CLOSED: trail.Action.TICKET_CLOSED,
}


@dataclass(slots=True)
class Closed:
    """What became of several tickets that were to be closed; refusals by the id that was sent."""

    tickets: list[Ticket] = field(default_factory=list)
    refused: dict[str, Refusal] = field(default_factory=dict)


def close_own(ticket_id: uuid.UUID, *, actor: Actor, at: datetime) -> Ticket:
    """Close one's own ticket; refuses NoSuchTicket, TicketAlreadyClosed."""
    ticket = lock_ticket(ticket_id, actor=actor)
    if ticket.is_closed:
        raise TicketAlreadyClosed()
    _turn(ticket, TicketStatus.CLOSED, actor, at)
    return ticket


def set_status(ticket_id: uuid.UUID, status: TicketStatus, *, actor: Actor, at: datetime) -> Ticket:
    """Move a ticket to a status, as staff; refuses NoSuchTicket."""
    ticket = lock_ticket(ticket_id, actor=actor)
    _turn(ticket, status, actor, at)
    return ticket


def reopen(ticket_id: uuid.UUID, *, actor: Actor, at: datetime) -> Ticket:
    """Open a closed ticket again, as staff; one that is not closed stays as it is. Refuses NoSuchTicket."""
    ticket = lock_ticket(ticket_id, actor=actor)
    if ticket.is_closed:
        _turn(ticket, TicketStatus.OPEN, actor, at)
    return ticket


def close_many(ids: Iterable[str], *, actor: Actor, at: datetime) -> Closed:
    """Close several tickets, as staff; what there is not is told apart. Locks them in the order of their ids."""
    closed, known = Closed(), {}
    for sent in ids:
        try:
            known[parse_id(sent)] = sent
        except Refusal as refusal:
            closed.refused[sent] = refusal
    for id_ in sorted(known):
        try:
            closed.tickets.append(set_status(id_, TicketStatus.CLOSED, actor=actor, at=at))
        except Refusal as refusal:
            closed.refused[known[id_]] = refusal
    return closed


def set_priority(ticket_id: uuid.UUID, priority: TicketPriority, *, actor: Actor, at: datetime) -> Ticket:
    """Give a ticket another priority, as staff: the first answer is due accordingly, counted from its opening."""
    ticket = lock_ticket(ticket_id, actor=actor)
    before = ticket.priority
    if before is not priority:
        ticket.priority = priority
        ticket.answer_due_at = ticket.created_at + priority.answer_within
        ticket.updated_at = at
        _note(ticket, trail.Action.TICKET_PRIORITY_CHANGED, actor, at, changed=[before.value, priority.value])
    return ticket


def _turn(ticket: Ticket, status: TicketStatus, actor: Actor, at: datetime) -> None:
    if ticket.status is status:
        return
    before, ticket.status = ticket.status, status
    is_closed = status is TicketStatus.CLOSED
    ticket.closed_at, ticket.closed_by = (at, actor.user_id) if is_closed else (None, None)
    ticket.updated_at = at
    _note(ticket, _ACTIONS[status], actor, at, before=before.value)


def _note(ticket: Ticket, action: trail.Action, actor: Actor, at: datetime, **details: object) -> None:
    trail.record(actor, action, at=at, subject_kind="ticket", subject_id=ticket.id, **details)
