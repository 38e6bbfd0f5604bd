"""Open the paper of a ledger entry, in the transaction of the entry itself.

Freezes the buyer, the lines and the amount as they are now, and asks for the number to be given after the commit
(docs/adr/0018). Takes no lock beyond the rows it writes. One paper per entry, however often it is asked for.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql import ColumnElement

from minispod.accounts.models import User
from minispod.catalog.models import Plan, Service
from minispod.kernel import outbox
from minispod.kernel.database import run, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.tasks import Task
from minispod.papers.models import Paper
from minispod.papers.states import PaperKind
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry

_CHARGES = (EntryType.SUBSCRIPTION, EntryType.UPGRADE)
# The act whose entry a refund corrects has the same reference, or the reference is what stands before its last colon.
_CORRECTS = {
    EntryKind.PERIOD_REFUND: EntryKind.PERIOD,
    EntryKind.UPGRADE_REFUND: EntryKind.UPGRADE,
    EntryKind.TOPUP_REVERSAL: EntryKind.TOPUP,
}
_LINE_FACTS = ("startsAt", "endsAt", "proratedDays", "price", "discount", "fee")
_buyers, _plans, _services = table_of(User).c, table_of(Plan).c, table_of(Service).c
_BUYER = (
    select(func.jsonb_build_object("name", _buyers.name, "email", _buyers.email, "phone", _buyers.phone))
    .where(_buyers.id == bindparam("buyer_id"))
    .scalar_subquery()
)
_SOLD = (
    select(func.jsonb_build_object("service", _services.name, "plan", _plans.name, type_=JSONB))
    .join_from(table_of(Plan), table_of(Service), _services.id == _plans.service_id)
    .where(_plans.id == bindparam("sold_id"))
    .scalar_subquery()
)
# Buyer and goods as they are now: read by the statement that freezes them.
_OPEN = (
    insert(table_of(Paper))
    .values(
        buyer=_BUYER,
        lines=func.jsonb_build_array(
            func.coalesce(_SOLD, literal({}, JSONB)).op("||")(bindparam("line", type_=JSONB))
        ),
    )
    .on_conflict_do_nothing(index_elements=["entry_id"])
    .returning(table_of(Paper).c.id)
)


def open_paper(entry: LedgerEntry, *, at: datetime) -> uuid.UUID | None:
    """Open the paper an entry deserves and return its id; None for what gets none (nothing paid, adjustments).

    A credit note opens the paper it corrects too, when that has none yet.
    """
    if kind_for(entry) is None:
        return None
    paper_id = _write(entry, at)
    if paper_id is None:
        return _paper_of(entry)
    outbox.later_of_new(Task.ISSUE_PAPERS, key=str(paper_id), at=at)
    return paper_id


def open_missing(*, at: datetime, limit: int = 500) -> int:
    """Open the papers of up to `limit` entries that deserve one and have none, oldest first; returns how many."""
    missing = session().scalars(
        select(LedgerEntry)
        .where(_deserves_one(), ~exists().where(Paper.entry_id == LedgerEntry.id))
        .order_by(LedgerEntry.number)
        .limit(limit)
    )
    return sum(_write(entry, at) is not None for entry in missing.all())


def kind_for(entry: LedgerEntry) -> PaperKind | None:
    """Which paper an entry deserves."""
    if not entry.amount:
        return None
    if entry.type is EntryType.TOP_UP:
        return PaperKind.RECEIPT
    if entry.type in _CHARGES:
        return PaperKind.INVOICE
    return PaperKind.CREDIT_NOTE if entry.type is EntryType.REFUND else None


def _deserves_one() -> ColumnElement[bool]:
    """The same as `kind_for`, for the database."""
    types = (EntryType.TOP_UP, *_CHARGES, EntryType.REFUND)
    return and_(LedgerEntry.amount > 0, or_(*(LedgerEntry.type == each for each in types)))


def _write(entry: LedgerEntry, at: datetime) -> uuid.UUID | None:
    """The id of the new paper; None when the entry gets none or has one."""
    kind = kind_for(entry)
    if kind is None:
        return None
    corrects = _corrected(entry, at) if kind is PaperKind.CREDIT_NOTE else None
    sold_id = entry.details.get("planId") or entry.details.get("toPlanId")
    values = {
        "id": new_id(),
        "kind": kind,
        "user_id": entry.user_id,
        "entry_id": entry.id,
        "entry_number": entry.number,
        "subscription_id": entry.subscription_id,
        "corrects_id": corrects,
        "payment": {"method": (entry.payment_method or "WALLET").removeprefix("MIDTRANS_")},
        "total": entry.amount,
        "occurred_at": entry.created_at,
        "opened_at": at,
        "downloads": 0,
    }
    asked = {
        "buyer_id": entry.user_id,
        "sold_id": uuid.UUID(str(sold_id)) if sold_id else None,
        "line": _line(entry) | _sold_before(corrects),
    }
    paper_id: uuid.UUID | None = run(_OPEN, values | asked).scalar_one_or_none()
    return paper_id


def _paper_of(entry: LedgerEntry) -> uuid.UUID | None:
    return session().scalar(select(Paper.id).where(Paper.entry_id == entry.id))


def _corrected(entry: LedgerEntry, at: datetime) -> uuid.UUID | None:
    kind = _CORRECTS.get(entry.kind)
    if kind is None:
        return None
    original = ledger.find_entry(kind, entry.reference) or ledger.find_entry(
        kind, entry.reference.rpartition(":")[0]
    )
    if original is None:
        return None
    return _paper_of(original) or open_paper(original, at=at)


def _line(entry: LedgerEntry) -> dict[str, Any]:
    """Facts, not sentences: the words are found when the paper is drawn, in either language."""
    facts = {name: entry.details[name] for name in _LINE_FACTS if name in entry.details}
    return {
        "what": entry.type.value,
        "description": entry.description,
        "amount": int(entry.amount),
        **facts,
    }


def _sold_before(corrects: uuid.UUID | None) -> dict[str, str]:
    """What a credit note gives back, as the paper it corrects called it."""
    if corrects is None:
        return {}
    [line, *_] = session().scalars(select(Paper.lines).where(Paper.id == corrects)).one()
    return {name: line[name] for name in ("service", "plan") if name in line}
