"""Tickets of all customers, for administrators: /api/v1/admin/tickets."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, g

from minispod.api.envelope import Answer, Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import wanted_page
from minispod.api.schemas.tickets import (
    BulkClosedOut,
    BulkCloseIn,
    PriorityIn,
    StaffTicketDetailOut,
    StaffTicketsQuery,
    StaffTicketStatsOut,
    StatusIn,
    TicketMessageForm,
    TicketMessageIn,
    TicketMessageOut,
    TicketOut,
    TicketsOut,
    TicketsQuery,
)
from minispod.api.ticket_rows import (
    conversation_row,
    filter_of,
    listed,
    stats_of,
    ticket_row,
)
from minispod.api.tickets import add_message
from minispod.api.uploads import (
    PICTURE_SCHEMA,
    PICTURE_TYPE,
    accepts_pictures,
    also_as,
    picture_answer,
)
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.tickets import figures, queries, turning, writing
from minispod.tickets.models import Ticket
from minispod.tickets.queries import TicketRow
from minispod.tickets.states import TicketStatus

door = Door(
    "staff_tickets", __name__, url_prefix="/api/v1/admin/tickets", description="Tickets of all customers"
)

_MESSAGES = {
    TicketStatus.OPEN: "Ticket opened successfully",
    TicketStatus.IN_PROGRESS: "Ticket is in progress",
    TicketStatus.CLOSED: "Ticket closed successfully",
}


@door.get("/stats")
@requires_staff
@door.answers(200, StaffTicketStatsOut, message="Ticket statistics retrieved successfully")
def show_statistics() -> dict[str, Any]:
    """Count all tickets, what waits for a first answer, and how soon first answers come."""
    at = current_ports().clock.now()
    first = figures.first_answers(at=at)
    return stats_of(figures.all_figures(at=at)) | {
        "waiting_tickets": first.waiting,
        "overdue_tickets": first.overdue,
        "first_answers": {
            "days": figures.ANSWERS_OVER_DAYS,
            "answered": first.answered,
            "in_time": first.in_time,
            "median_seconds": first.median_seconds,
            "p95_seconds": first.p95_seconds,
        },
    }


@door.get("")
@requires_staff
@door.arguments(StaffTicketsQuery, location="query")
@door.answers(200, TicketsOut, message="All tickets retrieved successfully")
def list_tickets(query: dict[str, Any]) -> dict[str, Any]:
    """List the tickets of all customers, or of one, newest first."""
    return _listed(query, parse_id(query["user_id"]) if query["user_id"] else None)


@door.get("/user/<user_id>")
@requires_staff
@door.arguments(TicketsQuery, location="query")
@door.answers(200, TicketsOut, message="User tickets retrieved successfully")
def list_tickets_of_user(query: dict[str, Any], user_id: str) -> dict[str, Any]:
    """List the tickets of one customer."""
    return _listed(query, parse_id(user_id))


@door.put("/bulk/close")
@requires_staff
@door.arguments(BulkCloseIn)
@door.answers(200, BulkClosedOut, message="Tickets closed")
def close_tickets(body: dict[str, Any]) -> dict[str, Any]:
    """Close up to a hundred tickets; those that there are not are told apart, and do not keep the others open."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        done = turning.close_many(body["ticket_ids"], actor=g.actor, at=ports.clock.now())
    results = [
        {"ticket_id": each.id, "ticket_number": each.code, "status": each.status.value}
        for each in done.tickets
    ]
    errors = [
        {"ticket_id": sent, "error": refusal.message, "code": refusal.code}
        for sent, refusal in done.refused.items()
    ]
    return {
        "processed": len(results) + len(errors),
        "successful": len(results),
        "failed": len(errors),
        "results": results,
        "errors": errors,
    }


@door.get("/attachments/<attachment_id>")
@requires_staff
@door.response(200, PICTURE_SCHEMA, content_type=PICTURE_TYPE)
def download_attachment(attachment_id: str) -> Response:
    """Save a picture of anybody's ticket."""
    return picture_answer(queries.get_attachment(parse_id(attachment_id), actor=g.actor))


@door.get("/<ticket_id>")
@requires_staff
@door.answers(200, StaffTicketDetailOut, message="Ticket retrieved successfully")
def show_ticket(ticket_id: str) -> dict[str, Any]:
    """Show anybody's ticket with its messages, which count as read by our team from now on."""
    shown = queries.conversation(_row(parse_id(ticket_id)))
    if shown.row.unread:
        with unit_of_work():
            writing.note_read(shown.row.ticket.id, shown.row.ticket.message_count, by_staff=True)
    return conversation_row(shown)


@door.post("/<ticket_id>/messages")
@also_as(door, TicketMessageForm)
@requires_staff
@accepts_pictures
@door.arguments(TicketMessageIn)
@door.answers(201, TicketMessageOut, message="Admin response added successfully")
def answer_ticket(body: dict[str, Any], ticket_id: str) -> dict[str, Any]:
    """Answer a ticket, with up to five pictures; an open one is in progress then, and its owner gets a mail."""
    return add_message(_row(parse_id(ticket_id)), body["content"], as_staff=True)


@door.put("/<ticket_id>/close")
@requires_staff
@door.answers(200, TicketOut, message="Ticket closed successfully")
def close_ticket(ticket_id: str) -> dict[str, Any]:
    """Close a ticket; one that is closed stays as it is."""
    return _after(turning.set_status, ticket_id, TicketStatus.CLOSED)


@door.post("/<ticket_id>/close")
@requires_staff
@door.answers(200, TicketOut, message="Ticket closed successfully")
def close_ticket_by_post(ticket_id: str) -> dict[str, Any]:
    """Close a ticket, as PUT does."""
    return _after(turning.set_status, ticket_id, TicketStatus.CLOSED)


@door.put("/<ticket_id>/reopen")
@requires_staff
@door.answers(200, TicketOut, message="Ticket reopened successfully")
def reopen_ticket(ticket_id: str) -> dict[str, Any]:
    """Open a closed ticket again; one that is not closed stays as it is."""
    return _after(turning.reopen, ticket_id)


@door.post("/<ticket_id>/reopen")
@requires_staff
@door.answers(200, TicketOut, message="Ticket reopened successfully")
def reopen_ticket_by_post(ticket_id: str) -> dict[str, Any]:
    """Open a closed ticket again, as PUT does."""
    return _after(turning.reopen, ticket_id)


@door.patch("/<ticket_id>/status")
@requires_staff
@door.arguments(StatusIn)
@door.answers(200, TicketOut, message="Ticket status updated successfully")
def set_status(body: dict[str, Any], ticket_id: str) -> Answer:
    """Move a ticket to any status."""
    return Answer(_after(turning.set_status, ticket_id, body["status"]), _MESSAGES[body["status"]])


@door.patch("/<ticket_id>/priority")
@requires_staff
@door.arguments(PriorityIn)
@door.answers(200, TicketOut, message="Ticket priority updated successfully")
def set_priority(body: dict[str, Any], ticket_id: str) -> dict[str, Any]:
    """Give a ticket another priority; its first answer is due accordingly, counted from its opening."""
    return _after(turning.set_priority, ticket_id, body["priority"])


def _row(ticket_id: uuid.UUID) -> TicketRow:
    return queries.get_ticket(ticket_id, actor=g.actor, for_staff=True)


def _after(act: Callable[..., Ticket], ticket_id: str, *wanted: object) -> dict[str, Any]:
    """The ticket after an act of staff."""
    id_, ports = parse_id(ticket_id), current_ports()
    with unit_of_work(ports.courier):
        act(id_, *wanted, actor=g.actor, at=ports.clock.now())
    return ticket_row(_row(id_))


def _listed(query: dict[str, Any], user_id: uuid.UUID | None) -> dict[str, Any]:
    return listed(queries.list_all(wanted_page(query), wanted=filter_of(query, user_id=user_id)))
