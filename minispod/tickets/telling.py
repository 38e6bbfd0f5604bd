"""The mail that tells a customer of an answer: one for each."""

from minispod.accounts.models import User
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.tickets.models import Ticket, TicketMessage


def tell_answer(ticket: Ticket, message: TicketMessage, attachments: int) -> None:
    """Queue the mail about an answer."""
    user = session().get_one(User, ticket.user_id)
    post.queue(
        MessageKind.TICKET_ANSWERED,
        post.Recipient(user.name, user.email, user.id),
        dedupe_key=f"ticket_answered:{message.id}",
        at=message.created_at,
        facts={
            "number": ticket.code,
            "subject": ticket.subject,
            "answer": message.content,
            "attachments": attachments,
            "is_closed": ticket.is_closed,
        },
    )
