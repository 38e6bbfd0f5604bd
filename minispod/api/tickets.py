"""Tickets, for the customer who opened them: /api/v1/tickets."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import quote

from flask import Response, g

from minispod.accounts.models import User
from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.schemas.base import pagination, wanted_page
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
from minispod.api.uploads import accepts_pictures, also_as, sent_pictures
from minispod.kernel.ids import parse_id
from minispod.kernel.object_store import NoSuchStoredObject
from minispod.kernel.paging import Page
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports
from minispod.tickets import attaching, figures, opening, queries, turning, writing
from minispod.tickets.errors import NoSuchAttachment
from minispod.tickets.figures import Figures
from minispod.tickets.models import TicketAttachment
from minispod.tickets.queries import Conversation, Filter, SortBy, TicketRow, Written
from minispod.tickets.states import TicketPriority

door = Door("tickets", __name__, url_prefix="/api/v1/tickets", description="A customer's own tickets")

PICTURE_SCHEMA = {"type": "string", "format": "binary"}
PICTURE_TYPE = "image/*"


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
    if shown.row.unread and shown.row.ticket.user_id == g.user.id:
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
    id_, at = parse_id(ticket_id), current_ports().clock.now()
    as_staff = queries.get_ticket(id_, actor=g.actor).ticket.user_id != g.user.id
    attachment_ids = stored_pictures(at)
    with unit_of_work(current_ports().courier):
        message = writing.write_message(
            id_, body["content"], as_staff=as_staff, attachment_ids=attachment_ids, actor=g.actor, at=at
        )
    return message_row(queries.written(message.id))


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


def stored_pictures(at: datetime) -> Sequence[uuid.UUID]:
    """Write the pictures of this request into the store and return their ids: they wait to be tied to a ticket."""
    release_connection()
    pictures = sent_pictures()
    if not pictures:
        return ()
    with unit_of_work():
        rows = attaching.begin(pictures, actor=g.actor, at=at)
    release_connection()
    attaching.store(rows, pictures, current_ports().object_store)
    return [row.id for row in rows]


def picture_answer(attachment: TicketAttachment) -> Response:
    """A picture to be saved: never shown in a page of ours, guessed at, or kept by a cache."""
    release_connection()
    chunks = iter(current_ports().object_store.get(attachment.key))
    try:
        first = next(chunks, b"")
    except NoSuchStoredObject:
        raise NoSuchAttachment() from None
    answer = Response(chain((first,), chunks), content_type=attachment.mime_type)
    answer.content_length = attachment.size
    answer.headers.set("Content-Disposition", "attachment", **_names(attachment.filename))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _names(filename: str) -> dict[str, str]:
    """A file's name for a header: beyond ASCII as RFC 8187 has it, with what is left of it for old clients."""
    if filename.isascii():
        return {"filename": filename}
    plain = filename.encode("ascii", "ignore").decode()
    return {"filename": plain, "filename*": f"UTF-8''{quote(filename, safe='')}"}


def filter_of(query: dict[str, Any], *, user_id: uuid.UUID | None = None) -> Filter:
    """What a query asks for."""
    return Filter(
        status=query["status"],
        priority=query["priority"],
        user_id=user_id,
        search=query["search"] or "",
        only_unread=query["unread"],
        sort_by=query["sort_by"] or SortBy.CREATED_AT,
        is_ascending=query["sort_order"] == "asc",
    )


def listed(page: Page[TicketRow]) -> dict[str, Any]:
    """A page of tickets as the wire wants it."""
    return {"tickets": [ticket_row(each) for each in page.items], "pagination": pagination(page)}


def stats_of(found: Figures) -> dict[str, Any]:
    """Figures as the wire wants them."""
    return {
        "total_tickets": found.total,
        "open_tickets": found.open,
        "in_progress_tickets": found.in_progress,
        "closed_tickets": found.closed,
        "recent_tickets": found.recent,
        "unread_tickets": found.unread,
    }


def ticket_row(row: TicketRow) -> dict[str, Any]:
    """A ticket as lists show it."""
    ticket = row.ticket
    return {
        "id": ticket.id,
        "ticket_number": ticket.code,
        "subject": ticket.subject,
        "description": ticket.description,
        "status": ticket.status.value,
        "priority": ticket.priority.value,
        "user_id": ticket.user_id,
        "instance_id": ticket.instance_id,
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "closed_at": ticket.closed_at,
        "closed_by": ticket.closed_by,
        "closed_by_name": row.closer.name if row.closer else None,
        "answer_due_at": ticket.answer_due_at,
        "first_answered_at": ticket.first_answered_at,
        "unread_count": row.unread,
        "user": _person(row.owner),
        "counts": {"messages": ticket.message_count, "attachments": row.attachments},
    }


def conversation_row(shown: Conversation) -> dict[str, Any]:
    """A ticket in full."""
    return ticket_row(shown.row) | {
        "attachments": attachment_rows(shown.attachments),
        "messages": [message_row(each) for each in shown.messages],
        "instance_state": _instants(shown.row.ticket.instance_state),
    }


def message_row(written: Written) -> dict[str, Any]:
    """A message with its author and attachments."""
    message, author = written.message, written.author
    return {
        "id": message.id,
        "content": message.content,
        "is_admin_reply": message.is_admin_reply,
        "ticket_id": message.ticket_id,
        "author_id": message.author_id,
        "created_at": message.created_at,
        "author": {**_person(author), "role": author.role.value} if author else None,
        "attachments": attachment_rows(written.attachments),
    }


def attachment_rows(attachments: Sequence[TicketAttachment]) -> list[dict[str, Any]]:
    """Attachments without where they lie."""
    return [
        {
            "id": each.id,
            "filename": each.filename,
            "file_size": each.size,
            "mime_type": each.mime_type,
            "ticket_id": each.ticket_id,
            "message_id": each.message_id,
            "uploaded_by": each.uploaded_by,
            "created_at": each.created_at,
        }
        for each in attachments
    ]


def _person(user: User) -> dict[str, Any]:
    return {"id": user.id, "name": user.name, "email": user.email, "avatar": user.avatar}


def _instants(state: dict[str, Any] | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return state | {name: datetime.fromisoformat(state[name]) for name in ("at", "status_since")}
