"""A few tickets for a demo: one new, one answered, one closed. Nothing is added where there are tickets already."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select

from minispod.accounts.models import User
from minispod.kernel.actor import Actor, ActorKind
from minispod.kernel.database import session
from minispod.tickets import opening, turning, writing
from minispod.tickets.models import Ticket
from minispod.tickets.opening import Wish
from minispod.tickets.states import TicketPriority, TicketStatus


def seed_tickets(customer: User, staff: User, *, at: datetime) -> int:
    """Write the demo's tickets of this customer, answered by this administrator; returns how many."""
    if session().scalar(select(exists().where(Ticket.user_id == customer.id))):
        return 0
    asks = Actor(ActorKind.CUSTOMER, customer.id, customer.name)
    answers = Actor(ActorKind.STAFF, staff.id, staff.name)

    def opened(subject: str, description: str, priority: TicketPriority, ago: timedelta) -> Ticket:
        wish = Wish(subject, description, priority)
        return opening.open_ticket(wish, user_id=customer.id, actor=asks, at=at - ago)

    paid = opened(
        "Invoice for my top-up",
        "Where do I find the receipt of my last top-up? My bookkeeper asks for it.",
        TicketPriority.LOW,
        timedelta(days=3),
    )
    writing.write_message(
        paid.id,
        "Every receipt is in your wallet, beside its transaction; it was also mailed to you.",
        as_staff=True,
        actor=answers,
        at=at - timedelta(days=3) + timedelta(minutes=50),
    )
    writing.write_message(
        paid.id, "Found it, thank you!", as_staff=False, actor=asks, at=at - timedelta(days=2)
    )
    turning.set_status(paid.id, TicketStatus.CLOSED, actor=answers, at=at - timedelta(days=2))
    domain = opened(
        "Using my own domain",
        "I would like to reach my blog at www.example.com. Which DNS records do I need?",
        TicketPriority.NORMAL,
        timedelta(hours=20),
    )
    writing.write_message(
        domain.id,
        "Add the domain to the application first; the records to set are listed there. Shall we look at them with you?",
        as_staff=True,
        actor=answers,
        at=at - timedelta(hours=18),
    )
    opened(
        "n8n is slow this morning",
        "Workflows take much longer than yesterday. Can you see why?",
        TicketPriority.HIGH,
        timedelta(hours=1),
    )
    return 3
