"""What lies on the desk, so that its pages are not looked at empty: a conversation, canned answers, jobs that ran."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import Select, select

from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import Notification
from minispod.notifications.post import Recipient
from minispod.notifications.samples import SAMPLES
from minispod.tickets import canned, opening, writing
from minispod.tickets.opening import Wish
from minispod.tickets.states import TicketPriority
from minispod.upkeep import runs

_ASKED = "Since this morning n8n answers with 502.\nI have changed nothing. Please look at it: my shop depends on it."


def put_desk(instance_id: str, *, customer: Actor, staff: Actor, at: datetime) -> dict[str, str]:
    """Furnish it, and return what the addresses of its pages ask for."""
    found = {"price": "80000", "kind": MessageKind.TOPUP_RECEIPT.value}
    with unit_of_work():
        found["canned_id"] = str(_put_canned(staff, at))
        found["ticket_id"] = str(_put_tickets(uuid.UUID(instance_id), customer, staff, at))
        for name, error in (
            ("advance-calendar", None),
            ("remind", "The mail server does not answer."),
            ("poll-nodes", None),
        ):
            runs.note_began(name, at - timedelta(seconds=40))
            runs.note_ended(name, at - timedelta(seconds=40), at - timedelta(seconds=38.4), error)
        _put_mail(customer, at)
    found["message_id"] = str(session().scalars(_mail()).one())
    _put_failed_work(at)
    return found


def _put_canned(staff: Actor, at: datetime) -> uuid.UUID:
    canned.add_canned(
        "Greeting",
        "Hello {customer},\n\nthank you for writing to us.",
        "Halo {customer},\n\nterima kasih telah menghubungi kami.",
        actor=staff,
        at=at,
    )
    return canned.add_canned(
        "It runs again",
        "Dear {customer},\n\n{instance} runs again: {address}\n\nBest regards, {staff}",
        "Yth. {customer},\n\n{instance} sudah berjalan kembali: {address}\n\nSalam, {staff}",
        actor=staff,
        at=at,
    )


def _put_tickets(instance_id: uuid.UUID, customer: Actor, staff: Actor, at: datetime) -> uuid.UUID:
    assert customer.user_id is not None
    wish = Wish("n8n answers with 502", _ASKED, TicketPriority.HIGH, instance_id)
    ticket = opening.open_ticket(wish, user_id=customer.user_id, actor=customer, at=at - timedelta(hours=30))
    writing.write_message(
        ticket.id, "We are looking at it.", as_staff=True, actor=staff, at=at - timedelta(hours=29)
    )
    writing.write_message(
        ticket.id, "It is still so.", as_staff=False, actor=customer, at=at - timedelta(hours=12)
    )
    return ticket.id


def _put_mail(customer: Actor, at: datetime) -> None:
    post.queue(
        MessageKind.TOPUP_RECEIPT,
        Recipient(customer.name, "siti@example.com", customer.user_id, "id"),
        dedupe_key="desk",
        at=at,
        facts=dict(SAMPLES)[MessageKind.TOPUP_RECEIPT],
    )
    post.settle_sent(session().scalars(_mail()).one(), at=at)


def _mail() -> Select[tuple[uuid.UUID]]:
    return select(Notification.id).where(Notification.dedupe_key == "desk")


def _put_failed_work(at: datetime) -> None:
    with unit_of_work():
        outbox.later(Task.POST_ALERTS, key="desk", at=at)
    wanted = select(OutboxRow.id).where(OutboxRow.task == Task.POST_ALERTS.value, OutboxRow.key == "desk")
    row_id = session().scalars(wanted).one()
    with unit_of_work():
        lease = outbox.take(row_id, at)
    assert lease is not None
    with unit_of_work():
        outbox.postpone(lease, at, timedelta(minutes=5), "The webhook does not answer.")
