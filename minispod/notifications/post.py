"""The post office: queue a message with its cause, deliver it later, exactly one mail per event."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from minispod.kernel import outbox
from minispod.kernel.database import lock, page_of, run, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.tasks import Task
from minispod.notifications.errors import NoSuchMessage, NotSentAgain
from minispod.notifications.messages import FOR_STAFF, MADE_WHEN_IT_LEAVES, OF_A_MOMENT, MessageKind
from minispod.notifications.models import DeliveryState, Notification

# With pauses that grow to an hour (jobs/notifications) this is about two days.
_ATTEMPTS = 60
_TRUE_FOR = timedelta(days=1)
_QUEUE = (
    insert(table_of(Notification))
    .on_conflict_do_nothing(index_elements=["dedupe_key"])
    .returning(table_of(Notification).c.id)
)


class MessageOrder(StrEnum):
    """What messages can be sorted by."""

    QUEUED = "queued"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages are wanted; `search` looks into the recipient."""

    state: DeliveryState | None = None
    kind: MessageKind | None = None
    user_id: uuid.UUID | None = None
    search: str = ""


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
    values = {
        "id": message_id,
        "kind": kind,
        "user_id": recipient.user_id,
        "to_name": recipient.name,
        "to_address": recipient.address,
        "language": recipient.language,
        "dedupe_key": dedupe_key,
        "facts": facts or {},
        "entry_ids": [str(each) for each in entry_ids],
        "state": DeliveryState.QUEUED,
        "attempts": 0,
        "created_at": at,
    }
    written = run(_QUEUE, values).scalar_one_or_none()
    if written is not None:
        outbox.later_of_new(Task.DELIVER_MESSAGE, key=str(message_id), at=at, message_id=str(message_id))


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
    page: PageRequest, wanted: Wanted, *, by: MessageOrder, downward: bool
) -> Page[Notification]:
    """List messages for staff."""
    column = {MessageOrder.QUEUED: Notification.created_at, MessageOrder.SENT: Notification.sent_at}[by]
    found = select(Notification).order_by(
        column.desc().nulls_last() if downward else column.asc().nulls_last(), Notification.id.desc()
    )
    if wanted.state is not None:
        found = found.where(Notification.state == wanted.state)
    if wanted.kind is not None:
        found = found.where(Notification.kind == wanted.kind)
    if wanted.user_id is not None:
        found = found.where(Notification.user_id == wanted.user_id)
    if wanted.search:
        columns = (Notification.to_name, Notification.to_address)
        found = found.where(or_(*(each.icontains(wanted.search, autoescape=True) for each in columns)))
    return page_of(found, page)


def get_message(message_id: uuid.UUID) -> Notification:
    """One message, as it is now, for staff; raise NoSuchMessage."""
    row = session().get(Notification, message_id, populate_existing=True)
    if row is None:
        raise NoSuchMessage()
    return row


def find_again(message_id: uuid.UUID) -> Notification | None:
    """The message by which this one was sent again, if it was."""
    return session().scalar(select(Notification).where(Notification.dedupe_key == _again(message_id)))


def repeat(message_id: uuid.UUID, recipient: Recipient, *, at: datetime) -> None:
    """Queue a message once more, to this recipient, as one of its own; the same facts, and the same papers.

    Refuses NoSuchMessage, and NotSentAgain for what must not or need not be sent again. Locks the message.
    """
    row: Notification | None = lock(Notification, message_id)
    if row is None:
        raise NoSuchMessage()
    if (why_not := obstacle(row, at)) is not None:
        raise NotSentAgain(why_not)
    queue(
        row.kind,
        recipient,
        dedupe_key=_again(message_id),
        at=at,
        facts=dict(row.facts),
        entry_ids=[uuid.UUID(each) for each in row.entry_ids],
    )


def obstacle(row: Notification, at: datetime) -> str | None:
    """Why a message is not sent again, as a sentence; None when it can be."""
    if row.state is DeliveryState.QUEUED:
        return "It is still on its way; it is tried again by itself."
    if not row.to_address:
        return "The account it was for is gone."
    if row.kind in MADE_WHEN_IT_LEAVES:
        return "It opens something: the customer asks for a new link, or opens the application's own page."
    if row.kind in FOR_STAFF:
        return "It told staff how things stood; the pages say how they stand now."
    if row.kind in OF_A_MOMENT and at - row.created_at > _TRUE_FOR:
        return "It is out of date: it says how things stood when it was written."
    if find_again(row.id) is not None:
        return "It was sent again already."
    return None


def _again(message_id: uuid.UUID) -> str:
    return f"again:{message_id}"
