"""Reads of issued papers, filtered by owner (decision 41); what has no number yet is not shown."""

import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVarTuple

from sqlalchemy import Select, and_, case, func, literal, or_, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from minispod.accounts.models import User
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, searched_page, session
from minispod.kernel.paging import Page, PageRequest
from minispod.papers.errors import NoSuchPaper
from minispod.papers.models import Paper
from minispod.papers.states import PaperKind, PaperStatus
from minispod.wallet.models import LedgerEntry

_NUMBER = re.compile(r"TXMP-?(\d{1,18})", re.IGNORECASE)
_Note = aliased(Paper)
ISSUED_FOR_ENTRY = and_(Paper.entry_id == LedgerEntry.id, Paper.number.is_not(None))
"""What joins ledger entries to their issued papers: each has one at most."""
Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class IssuedPaper:
    """A paper with its customer and what credit notes gave back of it."""

    paper: Paper
    customer: User
    credited: int

    @property
    def status(self) -> PaperStatus:
        """PAID, or CANCELLED once it was given back in full."""
        return PaperStatus.CANCELLED if self.credited >= self.paper.total else PaperStatus.PAID


@dataclass(frozen=True, slots=True)
class Filter:
    """Which papers are wanted; both ends of the span are included, `search` is a number, any id or a customer."""

    kind: PaperKind | None = None
    status: PaperStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


def list_papers(
    page: PageRequest, *, actor: Actor, user_id: uuid.UUID | None = None, wanted: Filter | None = None
) -> Page[IssuedPaper]:
    """Issued papers, newest first: of one customer, or of all for staff; raise NoSuchPaper for another's."""
    if not (actor.is_staff or actor.is_system) and (user_id is None or not actor.may_see(user_id)):
        raise NoSuchPaper()
    wanted = wanted or Filter()
    ids = select(Paper.id).where(Paper.number.is_not(None))
    ids = _filtered(ids, wanted).order_by(Paper.issued_at.desc(), Paper.entry_number.desc())
    if user_id is not None:
        ids = ids.where(Paper.user_id == user_id)
    found = searched_page(ids, page) if wanted.search else page_of(ids, page)
    rows = session().execute(_issued().where(Paper.id.in_(found.items)))
    issued = {row[0].id: IssuedPaper(*row) for row in rows}
    return Page([issued[id_] for id_ in found.items], found.total, found.page, found.limit)


def next_papers(
    wanted: Filter, *, after: int | None, limit: int, actor: Actor
) -> tuple[Sequence[IssuedPaper], int | None]:
    """The next papers of all customers in the order of their entries, and where to go on; None at the end.

    For staff; raise NoSuchPaper for anybody else.
    """
    if not (actor.is_staff or actor.is_system):
        raise NoSuchPaper()
    query = _filtered(_issued(), wanted).order_by(Paper.entry_number).limit(limit)
    if after is not None:
        query = query.where(Paper.entry_number > after)
    found = [IssuedPaper(*row) for row in session().execute(query)]
    return found, found[-1].paper.entry_number if len(found) == limit else None


def get_paper(paper_id: uuid.UUID, *, actor: Actor) -> IssuedPaper:
    """One issued paper; raise NoSuchPaper when there is none or it is not the actor's."""
    query = _issued().where(Paper.id == paper_id).execution_options(populate_existing=True)
    row = session().execute(query).one_or_none()
    if row is None or not actor.may_see(row[0].user_id):
        raise NoSuchPaper()
    return IssuedPaper(*row)


def count_download(paper_id: uuid.UUID) -> None:
    """Remember that the owner fetched the PDF once more."""
    session().execute(update(Paper).where(Paper.id == paper_id).values(downloads=Paper.downloads + 1))


def of_entries(entry_ids: Sequence[uuid.UUID]) -> Sequence[Paper]:
    """The issued papers of these ledger entries, in the order of the entries' numbers."""
    rows = session().scalars(
        select(Paper)
        .where(Paper.entry_id.in_(entry_ids), Paper.number.is_not(None))
        .order_by(Paper.entry_number)
        .execution_options(populate_existing=True)
    )
    return rows.all()


def _issued() -> Select[Paper, User, int]:
    return (
        select(Paper, User, _credited().label("credited"))
        .join(User, User.id == Paper.user_id)
        .where(Paper.number.is_not(None))
    )


def _credited() -> ColumnElement[int]:
    return (
        select(func.coalesce(func.sum(_Note.total), 0))
        .where(_Note.corrects_id == Paper.id, _Note.number.is_not(None))
        .correlate(Paper)
        .scalar_subquery()
    )


def _filtered(query: Select[*Columns], wanted: Filter) -> Select[*Columns]:
    if wanted.kind is not None:
        query = query.where(Paper.kind == wanted.kind)
    if wanted.status is not None:
        shown = case((_credited() >= Paper.total, literal(PaperStatus.CANCELLED.value)), else_="PAID")
        query = query.where(shown == wanted.status.value)
    if wanted.since is not None:
        query = query.where(Paper.issued_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Paper.issued_at <= wanted.until)
    if wanted.search:
        query = query.where(_matches(wanted.search))
    return query


def _matches(search: str) -> ColumnElement[bool]:
    read = _NUMBER.fullmatch(search)
    if read:
        return Paper.entry_number == int(read[1])
    with suppress(ValueError):
        id_ = uuid.UUID(search)
        ids = (Paper.id, Paper.entry_id, Paper.corrects_id, Paper.subscription_id, Paper.user_id)
        return or_(*(column == id_ for column in ids))

    def says(column: Any) -> ColumnElement[bool]:
        return column.icontains(search, autoescape=True)  # type: ignore[no-any-return]

    owners = select(User.id).where(or_(says(User.name), says(User.email)))
    return or_(says(Paper.number), Paper.user_id.in_(owners))
