"""The charges of one subscription, each with the number of its invoice."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from minispod.papers.queries import numbers_of
from minispod.wallet import statements
from minispod.wallet.models import LedgerEntry


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
    entries = statements.entries_of_subscription(subscription_id)
    papers = numbers_of(entry.id for entry in entries)
    return [Charge(entry, *papers.get(entry.id, (None, entry.custom_id))) for entry in entries]
