"""Attachments on their way: a row first, then the file, then the row is tied to its ticket; and what stays loose goes.

The store is an outside party: `begin` and `attach` belong into units of work, `store` and `remove_files` between them.
Whatever dies on the way leaves a row without a ticket, which `loose` finds; so does a ticket that is gone.
Files of which there is no row are never touched (docs/adr/0032).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.object_store import ObjectStore
from minispod.tickets.errors import NoSuchAttachment
from minispod.tickets.models import TicketAttachment
from minispod.tickets.pictures import Picture

PREFIX = "tickets"
# No request lasts that long.
_LOOSE_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Loose:
    """A row whose file is to go."""

    id: uuid.UUID
    key: str


def begin(pictures: Sequence[Picture], *, actor: Actor, at: datetime) -> list[TicketAttachment]:
    """Write the rows of pictures that will lie in the store; they belong to no ticket yet."""
    rows = []
    for picture in pictures:
        id_ = new_id()
        rows.append(
            TicketAttachment(
                id=id_,
                uploaded_by=actor.user_id,
                filename=picture.filename,
                key=f"{PREFIX}/{at:%Y/%m}/{id_}",
                mime_type=picture.mime_type,
                size=len(picture.content),
                created_at=at,
            )
        )
    session().add_all(rows)
    return rows


def store(rows: Sequence[TicketAttachment], pictures: Sequence[Picture], files: ObjectStore) -> None:
    """Write the files of begun rows; raises ObjectStoreUnavailable."""
    for row, picture in zip(rows, pictures, strict=True):
        files.put(row.key, [picture.content])


def attach(
    ids: Sequence[uuid.UUID], *, ticket_id: uuid.UUID, message_id: uuid.UUID | None, actor: Actor
) -> list[TicketAttachment]:
    """Tie stored files to a ticket or a message of it; refuses what is not one's own, tied already or cleared away."""
    if not ids:
        return []
    wanted = (
        select(TicketAttachment)
        .where(
            TicketAttachment.id.in_(ids),
            TicketAttachment.ticket_id.is_(None),
            TicketAttachment.uploaded_by == actor.user_id,
        )
        .order_by(TicketAttachment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rows = list(session().scalars(wanted))
    if len(rows) != len(ids):
        raise NoSuchAttachment()
    for row in rows:
        row.ticket_id, row.message_id = ticket_id, message_id
    return rows


def loose(at: datetime, limit: int = 100) -> list[Loose]:
    """Rows that belong to no ticket, some of them: of requests that died on their way, and of tickets that are gone."""
    rows = session().execute(
        select(TicketAttachment.id, TicketAttachment.key)
        .where(TicketAttachment.ticket_id.is_(None), TicketAttachment.created_at <= at - _LOOSE_AFTER)
        .order_by(TicketAttachment.created_at)
        .limit(limit)
    )
    return [Loose(*row) for row in rows]


def remove_files(rows: Sequence[Loose], files: ObjectStore) -> None:
    """Delete the files; harmless when repeated. Raises ObjectStoreUnavailable."""
    for row in rows:
        files.delete(row.key)


def forget(rows: Sequence[Loose]) -> None:
    """The files are gone: so are their rows."""
    session().execute(
        delete(TicketAttachment).where(
            TicketAttachment.id.in_([row.id for row in rows]), TicketAttachment.ticket_id.is_(None)
        )
    )
