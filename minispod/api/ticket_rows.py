"""Tickets as both doors show them, customers' and administrators'."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from minispod.accounts.models import User
from minispod.api.schemas.base import pagination
from minispod.kernel.paging import Page
from minispod.tickets.figures import Figures
from minispod.tickets.models import TicketAttachment
from minispod.tickets.queries import Conversation, Filter, SortBy, TicketRow, Written


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
