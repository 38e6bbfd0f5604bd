"""Tickets, for the customer who opened them: /api/v1/tickets."""

import uuid
from typing import Any

from flask import Response, g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in, seen
from minispod.api.schemas.base import wanted_page
from minispod.api.schemas.tickets import (
    CreatedTicketOut,
    TicketDetailOut,
    TicketForm,
    TicketIn,
    TicketMessageForm,
    TicketMessageIn,
    TicketMessageOut,
    TicketOut,
    TicketsOut,
    TicketsQuery,
    TicketStatsOut,
)
from minispod.api.ticket_rows import (
    attachment_rows,
    conversation_row,
    filter_of,
    listed,
    message_row,
    stats_of,
    ticket_row,
)
from minispod.api.uploads import (
    PICTURE_SCHEMA,
    PICTURE_TYPE,
    accepts_pictures,
    also_as,
    picture_answer,
    stored_pictures,
)
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.tickets import figures, opening, queries, turning, writing
from minispod.tickets.queries import TicketRow
from minispod.tickets.states import TicketPriority

door = Door("tickets", __name__, url_prefix="/api/v1/tickets", description="A customer's own tickets")


@door.get("/stats")
@requires_sign_in
@door.answers(200, TicketStatsOut, message="User ticket statistics retrieved successfully")
def show_statistics() -> dict[str, Any]:
    """Count one's own tickets."""
    return stats_of(figures.own_figures(actor=g.actor, at=current_ports().clock.now()))


@door.get("")
@requires_sign_in
@door.arguments(TicketsQuery, location="query")
@door.answers(200, TicketsOut, message="Tickets retrieved successfully")
def list_tickets(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own tickets, newest first."""
    return listed(queries.list_own(wanted_page(query), actor=g.actor, wanted=filter_of(query)))


@door.post("")
@also_as(door, TicketForm)
@requires_sign_in
@limiter.limit("30 per hour")
@accepts_pictures
@door.arguments(TicketIn)
@door.answers(201, CreatedTicketOut, message="Ticket created successfully")
def open_ticket(body: dict[str, Any]) -> dict[str, Any]:
    """Open a ticket, with up to five pictures; about an instance, it carries how that is at this moment."""
    wish = opening.Wish(
        body["subject"],
        body["description"],
        body["priority"] or TicketPriority.NORMAL,
        parse_id(body["instance_id"]) if body["instance_id"] else None,
        parse_id(body["subscription_id"]) if body["subscription_id"] else None,
    )
    user_id, at = g.user.id, current_ports().clock.now()
    attachment_ids = stored_pictures(at)
    with unit_of_work(current_ports().courier):
        ticket = opening.open_ticket(
            wish, user_id=user_id, attachment_ids=attachment_ids, actor=g.actor, at=at
        )
    shown = queries.conversation(queries.get_ticket(ticket.id, actor=g.actor))
    return ticket_row(shown.row) | {"attachments": attachment_rows(shown.attachments)}


@door.get("/<ticket_id>")
@requires_sign_in
@door.answers(200, TicketDetailOut, message="Ticket retrieved successfully")
def show_ticket(ticket_id: str) -> dict[str, Any]:
    """Show a ticket with its messages, which count as read by its owner from now on."""
    shown = queries.conversation(queries.get_ticket(parse_id(ticket_id), actor=g.actor))
    if shown.row.unread and shown.row.ticket.user_id == g.user.id and seen() is None:
        with unit_of_work():
            writing.note_read(shown.row.ticket.id, shown.row.ticket.message_count, by_staff=False)
    return conversation_row(shown)


@door.post("/<ticket_id>/messages")
@also_as(door, TicketMessageForm)
@requires_sign_in
@limiter.limit("120 per hour")
@accepts_pictures
@door.arguments(TicketMessageIn)
@door.answers(201, TicketMessageOut, message="Message added successfully")
def write_message(body: dict[str, Any], ticket_id: str) -> dict[str, Any]:
    """Write into a ticket, with up to five pictures; a closed one stays closed. Of staff in others' it is an answer."""
    row = queries.get_ticket(parse_id(ticket_id), actor=g.actor)
    return add_message(row, body["content"], as_staff=row.ticket.user_id != g.user.id)


@door.put("/<ticket_id>/close")
@requires_sign_in
@door.answers(200, TicketOut, message="Ticket closed successfully")
def close_ticket(ticket_id: str) -> dict[str, Any]:
    """Close a ticket; only our team can open it again."""
    return _close(parse_id(ticket_id))


@door.post("/<ticket_id>/close")
@requires_sign_in
@door.answers(200, TicketOut, message="Ticket closed successfully")
def close_ticket_by_post(ticket_id: str) -> dict[str, Any]:
    """Close a ticket, as PUT does."""
    return _close(parse_id(ticket_id))


@door.get("/attachments/<attachment_id>")
@requires_sign_in
@door.response(200, PICTURE_SCHEMA, content_type=PICTURE_TYPE)
def download_attachment(attachment_id: str) -> Response:
    """Save a picture of one's own ticket."""
    return picture_answer(queries.get_attachment(parse_id(attachment_id), actor=g.actor))


def _close(ticket_id: uuid.UUID) -> dict[str, Any]:
    with unit_of_work(current_ports().courier):
        turning.close_own(ticket_id, actor=g.actor, at=current_ports().clock.now())
    return ticket_row(queries.get_ticket(ticket_id, actor=g.actor))


def add_message(row: TicketRow, content: str, *, as_staff: bool) -> dict[str, Any]:
    """Write into a ticket that was found, with the pictures of this request."""
    id_, at = row.ticket.id, current_ports().clock.now()
    attachment_ids = stored_pictures(at)
    with unit_of_work(current_ports().courier):
        message = writing.write_message(
            id_, content, as_staff=as_staff, attachment_ids=attachment_ids, actor=g.actor, at=at
        )
    return message_row(queries.written(message.id))
