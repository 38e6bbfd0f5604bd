"""How many tickets there are, what waits, and how soon first answers come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, extract, func, select

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.tickets.models import Ticket
from minispod.tickets.queries import unread
from minispod.tickets.states import TicketStatus

_RECENT = timedelta(hours=24)
ANSWERS_OVER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Figures:
    """Tickets in all, by status, of the last 24 hours, and those in which there is something unread."""

    total: int
    open: int
    in_progress: int
    closed: int
    recent: int
    unread: int


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """First answers to the tickets of some days: how many, how soon (seconds), how many in time; and what waits now."""

    answered: int
    median_seconds: float | None
    p95_seconds: float | None
    in_time: int
    waiting: int
    overdue: int


def own_figures(*, actor: Actor, at: datetime) -> Figures:
    """The figures of the actor's own tickets."""
    return _figures(at, for_staff=False, only=Ticket.user_id == actor.user_id)


def all_figures(*, at: datetime) -> Figures:
    """The figures of all tickets, for staff."""
    return _figures(at, for_staff=True)


def first_answers(*, at: datetime) -> FirstAnswers:
    """How soon staff answered the tickets that were opened within ANSWERS_OVER_DAYS, for staff."""
    took = extract("epoch", Ticket.first_answered_at - Ticket.created_at)
    answered = and_(
        Ticket.first_answered_at.is_not(None), Ticket.created_at > at - timedelta(days=ANSWERS_OVER_DAYS)
    )
    waits = and_(Ticket.first_answered_at.is_(None), Ticket.status != TicketStatus.CLOSED)
    row = session().execute(
        select(
            func.count().filter(answered),
            func.percentile_cont(0.5).within_group(took).filter(answered),
            func.percentile_cont(0.95).within_group(took).filter(answered),
            func.count().filter(answered, Ticket.first_answered_at <= Ticket.answer_due_at),
            func.count().filter(waits),
            func.count().filter(waits, Ticket.answer_due_at < at),
        )
    )
    return FirstAnswers(*row.one())


def _figures(at: datetime, *, for_staff: bool, only: ColumnElement[bool] | None = None) -> Figures:
    tickets: Any = select(Ticket.status, Ticket.created_at, unread(for_staff=for_staff).label("unread"))
    looked_at = (tickets if only is None else tickets.where(only)).subquery()
    status = looked_at.c.status
    row = session().execute(
        select(
            func.count(),
            *(func.count().filter(status == each) for each in TicketStatus),
            func.count().filter(looked_at.c.created_at > at - _RECENT),
            func.count().filter(looked_at.c.unread > 0),
        ).select_from(looked_at)
    )
    return Figures(*map(int, row.one()))
