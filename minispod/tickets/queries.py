"""Reads of tickets. What customers read is filtered by owner (decision 41)."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import aliased

from minispod.accounts.models import User
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.tickets.errors import NoSuchAttachment, NoSuchTicket
from minispod.tickets.models import Ticket, TicketAttachment, TicketMessage
from minispod.tickets.states import TicketPriority, TicketStatus

_LARGEST_NUMBER = 2**63 - 1


class SortBy(StrEnum):
    """By what a list of tickets is sorted."""

    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    NUMBER = "ticketNumber"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tickets are wanted, and in which order."""

    status: TicketStatus | None = None
    priority: TicketPriority | None = None
    user_id: uuid.UUID | None = None
    search: str = ""
    only_unread: bool = False
    sort_by: SortBy = SortBy.CREATED_AT
    is_ascending: bool = False


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket with its owner, who closed it, the number of its attachments, and of what one side has not read."""

    ticket: Ticket
    owner: User
    closer: User | None
    attachments: int
    unread: int


@dataclass(frozen=True, slots=True)
class Written:
    """A message with its author (None: the account is gone) and attachments."""

    message: TicketMessage
    author: User | None
    attachments: Sequence[TicketAttachment]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket in full; messages oldest first, and the attachments of the ticket itself."""

    row: TicketRow
    messages: Sequence[Written]
    attachments: Sequence[TicketAttachment]


def list_own(page: PageRequest, *, actor: Actor, wanted: Filter) -> Page[TicketRow]:
    """The actor's own tickets."""
    return _page(page, wanted, _rows(for_staff=False).where(Ticket.user_id == actor.user_id), for_staff=False)


def list_all(page: PageRequest, *, wanted: Filter) -> Page[TicketRow]:
    """All tickets, for staff; `search` looks into number, subject, description and owner."""
    return _page(page, wanted, _rows(for_staff=True), for_staff=True)


def get_ticket(ticket_id: uuid.UUID, *, actor: Actor, for_staff: bool = False) -> TicketRow:
    """A ticket for its owner or staff, with what is unread to its owner or `for_staff`; raise NoSuchTicket."""
    row = (
        session()
        .execute(_rows(for_staff=for_staff).where(Ticket.id == ticket_id, *_visible(actor)))
        .one_or_none()
    )
    if row is None:
        raise NoSuchTicket()
    return TicketRow(*row)


def conversation(row: TicketRow) -> Conversation:
    """What was written in a ticket; the caller has checked the owner."""
    by_message: defaultdict[uuid.UUID | None, list[TicketAttachment]] = defaultdict(list)
    for attachment in session().scalars(
        select(TicketAttachment)
        .where(TicketAttachment.ticket_id == row.ticket.id)
        .order_by(TicketAttachment.id)
    ):
        by_message[attachment.message_id].append(attachment)
    messages = session().execute(
        select(TicketMessage, User)
        .outerjoin(User, User.id == TicketMessage.author_id)
        .where(TicketMessage.ticket_id == row.ticket.id)
        .order_by(TicketMessage.number)
    )
    return Conversation(
        row,
        [Written(message, author, by_message[message.id]) for message, author in messages],
        by_message[None],
    )


def written(message_id: uuid.UUID) -> Written:
    """A message that was just written."""
    message, author = (
        session()
        .execute(
            select(TicketMessage, User)
            .outerjoin(User, User.id == TicketMessage.author_id)
            .where(TicketMessage.id == message_id)
        )
        .one()
    )
    attachments = session().scalars(
        select(TicketAttachment)
        .where(TicketAttachment.message_id == message_id)
        .order_by(TicketAttachment.id)
    )
    return Written(message, author, attachments.all())


def get_attachment(attachment_id: uuid.UUID, *, actor: Actor) -> TicketAttachment:
    """An attachment, whoever sent it, for the owner of its ticket or staff; raise NoSuchAttachment."""
    found = session().scalar(
        select(TicketAttachment)
        .join(Ticket, Ticket.id == TicketAttachment.ticket_id)
        .where(TicketAttachment.id == attachment_id, *_visible(actor))
    )
    if found is None:
        raise NoSuchAttachment()
    return found


def _visible(actor: Actor) -> Sequence[ColumnElement[bool]]:
    return () if actor.is_staff else (Ticket.user_id == actor.user_id,)


def unread(*, for_staff: bool) -> ColumnElement[int]:
    """How much in a ticket one side has not read: the other side's messages, and for staff the ticket itself."""
    read = func.coalesce(Ticket.staff_read, 0) if for_staff else Ticket.customer_read
    messages = (
        select(func.count())
        .where(
            TicketMessage.ticket_id == Ticket.id,
            TicketMessage.is_admin_reply.is_(not for_staff),
            TicketMessage.number > read,
        )
        .correlate(Ticket)
        .scalar_subquery()
    )
    return messages + case((Ticket.staff_read.is_(None), 1), else_=0) if for_staff else messages


def _rows(*, for_staff: bool) -> Select[Any]:
    closer = aliased(User)
    attachments = (
        select(func.count())
        .where(TicketAttachment.ticket_id == Ticket.id)
        .correlate(Ticket)
        .scalar_subquery()
    )
    return (
        select(Ticket, User, closer, attachments, unread(for_staff=for_staff))
        .join(User, User.id == Ticket.user_id)
        .outerjoin(closer, closer.id == Ticket.closed_by)
        .execution_options(populate_existing=True)
    )


def _page(page: PageRequest, wanted: Filter, rows: Select[Any], *, for_staff: bool) -> Page[TicketRow]:
    if wanted.status is not None:
        rows = rows.where(Ticket.status == wanted.status)
    if wanted.priority is not None:
        rows = rows.where(Ticket.priority == wanted.priority)
    if wanted.user_id is not None:
        rows = rows.where(Ticket.user_id == wanted.user_id)
    if wanted.only_unread:
        rows = rows.where(unread(for_staff=for_staff) > 0)
    if wanted.search.strip():
        rows = rows.where(mentions(wanted.search.strip(), for_staff=for_staff))
    by: Any = {
        SortBy.CREATED_AT: Ticket.created_at,
        SortBy.UPDATED_AT: Ticket.updated_at,
        SortBy.NUMBER: Ticket.number,
        SortBy.PRIORITY: case({each.value: each.rank for each in TicketPriority}, value=Ticket.priority),
    }[wanted.sort_by]
    order = (by.asc(), Ticket.id.asc()) if wanted.is_ascending else (by.desc(), Ticket.id.desc())
    found: Page[TicketRow] = page_of(rows.order_by(*order), page, shape=lambda row: TicketRow(*row))
    return found


def mentions(text: str, *, for_staff: bool) -> ColumnElement[bool]:
    """Whether number, subject or description of a ticket say so, for staff its owner too."""
    columns = [Ticket.subject, Ticket.description, *((User.name, User.email) if for_staff else ())]
    ways = [column.icontains(text, autoescape=True) for column in columns]
    number = text.removeprefix("#")
    if number.isascii() and number.isdecimal() and int(number) <= _LARGEST_NUMBER:
        ways.append(Ticket.number == int(number))
    return or_(*ways)
