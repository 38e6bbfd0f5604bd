"""The queue staff work through: which tickets wait for us, since when, and until when an answer is due.

A ticket waits for us while the newest word in it is the customer's: nobody has answered it, or the customer has
written since. A closed one waits only if the customer has written after it was closed and nobody has read it.
An answer is due as long after that word as the ticket's priority allows; for a first answer that is `answer_due_at`.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from minispod.accounts.models import User
from minispod.kernel.database import first_of, page_of, session
from minispod.kernel.paging import Page, PageRequest
from minispod.tickets.models import Ticket, TicketMessage
from minispod.tickets.queries import mentions, unread
from minispod.tickets.states import TicketPriority, TicketStatus


class View(StrEnum):
    """Which tickets a list of staff shows."""

    QUEUE = "queue"
    ALL = "all"


class QueueOrder(StrEnum):
    """What the list can be sorted by; DUE is the order of the work."""

    DUE = "due"
    NUMBER = "number"
    PRIORITY = "priority"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which tickets are wanted."""

    view: View = View.QUEUE
    status: TicketStatus | None = None
    priority: TicketPriority | None = None
    search: str = ""
    user_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket, its owner, whether it waits for us, since and until when, and how much of it is unread."""

    ticket: Ticket
    owner: User
    waits: bool
    since: datetime
    due_at: datetime
    unread: int


def _from(is_ours: bool) -> ColumnElement[int]:
    newest = select(func.max(TicketMessage.number)).where(
        TicketMessage.ticket_id == Ticket.id, TicketMessage.is_admin_reply.is_(is_ours)
    )
    return func.coalesce(newest.correlate(Ticket).scalar_subquery(), 0)


def _waits() -> ColumnElement[bool]:
    ours, theirs = _from(is_ours=True), _from(is_ours=False)
    is_open = and_(Ticket.status != TicketStatus.CLOSED, or_(ours == 0, theirs > ours))
    # Whoever writes into a closed ticket changes it after it was closed: only those are looked into.
    reopened = and_(
        Ticket.status == TicketStatus.CLOSED,
        Ticket.updated_at > Ticket.closed_at,
        theirs > func.coalesce(Ticket.staff_read, 0),
    )
    return or_(is_open, reopened)


def _since() -> ColumnElement[datetime]:
    """When the customer said what is not answered: the first message after our last one, or the ticket itself."""
    unanswered = (
        select(func.min(TicketMessage.created_at))
        .where(TicketMessage.ticket_id == Ticket.id, TicketMessage.number > _from(is_ours=True))
        .correlate(Ticket)
        .scalar_subquery()
    )
    return case(
        (Ticket.first_answered_at.is_(None), Ticket.created_at),
        else_=func.coalesce(unanswered, Ticket.updated_at),
    )


def _due() -> ColumnElement[datetime]:
    within: Any = case({each.value: each.answer_within for each in TicketPriority}, value=Ticket.priority)
    return case((Ticket.first_answered_at.is_(None), Ticket.answer_due_at), else_=_since() + within)


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(Ticket, User, _waits(), _since(), _due(), unread(for_staff=True))
        .join(User, User.id == Ticket.user_id)
        .execution_options(populate_existing=True)
    )


def list_queue(page: PageRequest, sought: Sought, *, by: QueueOrder, downward: bool) -> Page[Queued]:
    """List tickets for staff; whatever the order, what waits for us comes first in the queue."""
    waits, due, rows = _waits(), _due(), _rows()
    if sought.view is View.QUEUE:
        rows = rows.where(or_(Ticket.status != TicketStatus.CLOSED, waits)).order_by(waits.desc())
    if sought.status is not None:
        rows = rows.where(Ticket.status == sought.status)
    if sought.priority is not None:
        rows = rows.where(Ticket.priority == sought.priority)
    if sought.user_id is not None:
        rows = rows.where(Ticket.user_id == sought.user_id)
    if sought.search.strip():
        rows = rows.where(mentions(sought.search.strip(), for_staff=True))
    columns: dict[QueueOrder, Any] = {
        QueueOrder.DUE: due,
        QueueOrder.NUMBER: Ticket.number,
        QueueOrder.PRIORITY: case({each.value: each.rank for each in TicketPriority}, value=Ticket.priority),
        QueueOrder.CHANGED: Ticket.updated_at,
    }
    column = columns[by]
    rows = rows.order_by(column.desc() if downward else column.asc(), Ticket.id)
    found: Page[Queued] = page_of(rows, page, shape=lambda row: Queued(*row))
    return found


def list_waiting(limit: int) -> Page[Queued]:
    """The tickets that wait for us, in the order of the work; the first few, and how many there are."""
    found: Page[Queued] = first_of(
        _rows().where(_waits()).order_by(_due(), Ticket.id), limit, shape=lambda row: Queued(*row)
    )
    return found


def next_waiting(*, but: uuid.UUID) -> Ticket | None:
    """The ticket whose answer is due next, but this one; None when nothing else waits."""
    wanted = select(Ticket).where(_waits(), Ticket.id != but).order_by(_due(), Ticket.id).limit(1)
    return session().scalar(wanted)


def count_waiting() -> int:
    """How many tickets wait for us."""
    return session().scalar(select(func.count()).select_from(Ticket).where(_waits())) or 0
