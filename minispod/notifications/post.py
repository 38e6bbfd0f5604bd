"""The post office: queue a message with its cause, deliver it later, exactly one mail per event."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from minispod.kernel import outbox
from minispod.kernel.database import lock, page_of, session
from minispod.kernel.ids import new_id
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.tasks import Task
from minispod.notifications.messages import MessageKind
from minispod.notifications.models import DeliveryState, Notification

# With pauses that grow to an hour (jobs/notifications) this is about two days.
_ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a message goes."""

    name: str
    address: str
    user_id: uuid.UUID | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed message, ready to be written and sent."""

    id: uuid.UUID
    kind: MessageKind
    recipient: Recipient
    facts: dict[str, Any]
    attempts: int = 1
    entry_ids: tuple[uuid.UUID, ...] = ()


def queue(
    kind: MessageKind,
    recipient: Recipient,
    *,
    dedupe_key: str,
    at: datetime,
    facts: dict[str, Any] | None = None,
    entry_ids: Sequence[uuid.UUID] = (),
) -> None:
    """Have one mail sent after the commit; the same `dedupe_key` a second time sends nothing.

    The papers of the ledger entries `entry_ids` are attached to it.
    """
    message_id = new_id()
    written = session().scalar(
        insert(Notification)
        .values(
            id=message_id,
            kind=kind,
            user_id=recipient.user_id,
            to_name=recipient.name,
            to_address=recipient.address,
            language=recipient.language,
            dedupe_key=dedupe_key,
            facts=facts or {},
            entry_ids=[str(each) for each in entry_ids],
            state=DeliveryState.QUEUED,
            attempts=0,
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=["dedupe_key"])
        .returning(Notification.id)
    )
    if written is not None:
        outbox.later(Task.DELIVER_MESSAGE, key=str(message_id), at=at, message_id=str(message_id))


def claim(message_id: uuid.UUID) -> Letter | None:
    """Count an attempt and return what is to be sent; None when it was sent or given up."""
    row: Notification | None = lock(Notification, message_id)
    if row is None or row.state is not DeliveryState.QUEUED:
        return None
    row.attempts += 1
    recipient = Recipient(row.to_name, row.to_address, row.user_id, row.language)
    entry_ids = tuple(uuid.UUID(each) for each in row.entry_ids)
    return Letter(row.id, row.kind, recipient, dict(row.facts), row.attempts, entry_ids)


def settle_sent(message_id: uuid.UUID, *, at: datetime) -> None:
    """The mail server took the message."""
    row: Notification | None = lock(Notification, message_id)
    if row is not None:
        row.state = DeliveryState.SENT
        row.sent_at = at
        row.last_error = None


def settle_failed(message_id: uuid.UUID, error: str, *, final: bool) -> bool:
    """The message could not be sent; True when it will be tried again."""
    row: Notification | None = lock(Notification, message_id)
    if row is None:
        return False
    row.last_error = error[:300]
    if final or row.attempts >= _ATTEMPTS:
        row.state = DeliveryState.FAILED
        return False
    return True


def forget(user_id: uuid.UUID) -> None:
    """Take the person out of all messages to an account; what waits is not sent any more."""
    mine = update(Notification).where(Notification.user_id == user_id)
    session().execute(
        mine.where(Notification.state == DeliveryState.QUEUED).values(
            state=DeliveryState.FAILED, last_error="The account was deleted."
        )
    )
    session().execute(mine.values(to_name="", to_address="", facts={}))


def list_messages(
    page: PageRequest, *, state: DeliveryState | None = None, search: str = ""
) -> Page[Notification]:
    """List messages for staff, newest first; `search` looks into the recipient."""
    wanted = select(Notification).order_by(Notification.created_at.desc(), Notification.id.desc())
    if state is not None:
        wanted = wanted.where(Notification.state == state)
    if search:
        columns = (Notification.to_name, Notification.to_address)
        wanted = wanted.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return page_of(wanted, page)
