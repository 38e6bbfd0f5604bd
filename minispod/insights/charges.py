"""The charges of one subscription, each with the number of its invoice."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from minispod.kernel.database import session
from minispod.kernel.prepared import prepared
from minispod.papers.models import Paper
from minispod.papers.queries import ISSUED_FOR_ENTRY
from minispod.wallet.models import LedgerEntry
from minispod.wallet.statements import SPENDING

_NEWEST = 10
_CHARGES = prepared(
    select(LedgerEntry, Paper.id, Paper.number)
    .outerjoin(Paper, ISSUED_FOR_ENTRY)
    .where(LedgerEntry.subscription_id == bindparam("wanted"), LedgerEntry.type.in_(SPENDING))
    .order_by(LedgerEntry.created_at.desc(), LedgerEntry.number.desc())
    .limit(_NEWEST)
)


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge; without an invoice (free, or not numbered yet) the transaction's own number stands for it."""

    entry: LedgerEntry
    invoice_id: uuid.UUID | None
    invoice_number: str

    @property
    def completed_at(self) -> datetime:
        """A charge is completed when it is made."""
        return self.entry.created_at


def charges_of(subscription_id: uuid.UUID) -> list[Charge]:
    """The newest charges, newest first; whoever asks has shown that the subscription is theirs."""
    rows = session().execute(_CHARGES, {"wanted": subscription_id})
    return [Charge(entry, paper_id, number or entry.custom_id) for entry, paper_id, number in rows]
