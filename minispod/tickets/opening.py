"""Open a ticket, and note how the instance it is about is at this moment."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from minispod.audit import trail
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.tickets import attaching
from minispod.tickets.errors import PriorityForStaff
from minispod.tickets.models import Ticket
from minispod.tickets.states import TicketPriority, TicketStatus


@dataclass(frozen=True, slots=True)
class Wish:
    """What a ticket says; about an instance, named by its own id or by its subscription's, or about none."""

    subject: str
    description: str
    priority: TicketPriority = TicketPriority.NORMAL
    instance_id: uuid.UUID | None = None
    subscription_id: uuid.UUID | None = None


def open_ticket(
    wish: Wish, *, user_id: uuid.UUID, attachment_ids: Sequence[uuid.UUID] = (), actor: Actor, at: datetime
) -> Ticket:
    """Open a ticket of this customer; refuses PriorityForStaff, NoSuchInstance, NoSuchAttachment."""
    if wish.priority is TicketPriority.CRITICAL and not actor.is_staff:
        raise PriorityForStaff()
    instance = _subject_of(wish, user_id)
    ticket = Ticket(
        id=new_id(),
        user_id=user_id,
        subject=wish.subject,
        description=wish.description,
        status=TicketStatus.OPEN,
        priority=wish.priority,
        instance_id=instance.id if instance else None,
        instance_state=state_of(instance, at) if instance else None,
        message_count=0,
        customer_read=0,
        answer_due_at=at + wish.priority.answer_within,
        created_at=at,
        updated_at=at,
    )
    session().add(ticket)
    session().flush()  # attachments refer to it, and the sequence gives its number
    attaching.attach(attachment_ids, ticket_id=ticket.id, message_id=None, actor=actor)
    trail.record(
        actor,
        trail.Action.TICKET_OPENED,
        at=at,
        subject_kind="ticket",
        subject_id=ticket.id,
        number=ticket.number,
        priority=ticket.priority.value,
        attachments=len(attachment_ids),
        instance_id=str(instance.id) if instance else None,
    )
    return ticket


def state_of(instance: Instance, at: datetime) -> dict[str, Any]:
    """What is known of an instance at this moment, without any secret; instants as texts."""
    return {
        "at": at.isoformat(),
        "name": instance.name,
        "service_slug": instance.service_slug,
        "version": instance.version,
        "status": instance.status.value,
        "status_since": instance.status_changed_at.isoformat(),
        "wanted": instance.wanted.value,
        "health_status": instance.health_status,
        "last_error": instance.last_error,
        "public_url": instance.public_url,
        "cpu_milli": instance.cpu_milli,
        "memory_mb": instance.memory_mb,
        "storage_gb": instance.storage_gb,
        "cpu_usage": instance.cpu_usage,
        "memory_usage": instance.memory_usage,
        "restarts": instance.restarts,
        "pod_name": instance.pod_name,
        "node_name": instance.node_name,
    }


def _subject_of(wish: Wish, user_id: uuid.UUID) -> Instance | None:
    """The instance of the wish, as it is now; one of somebody else is none."""
    if wish.instance_id is None and wish.subscription_id is None:
        return None
    wanted = select(Instance).where(Instance.user_id == user_id).execution_options(populate_existing=True)
    if wish.instance_id is not None:
        wanted = wanted.where(Instance.id == wish.instance_id)
    if wish.subscription_id is not None:
        wanted = wanted.where(Instance.subscription_id == wish.subscription_id)
    instance = session().scalar(wanted)
    if instance is None:
        raise NoSuchInstance()
    return instance
