"""Closing balances: what each wallet held at the end of a day, written down in bounded batches.

For the proof: it reads on from a wallet's last snapshot instead of from its first entry, and older snapshots are
witnesses, which entries rewritten since would no longer fit. A wallet that did not move has no row of that day.
A snapshot is taken of the ledger, not of the cached balance, so that the two can be held against each other.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Date, delete, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from minispod.kernel.database import UtcTime, session
from minispod.wallet.models import LedgerEntry, Wallet, WalletSnapshot


@dataclass(frozen=True, slots=True)
class Batch:
    """What one round did; `last` is where the next one goes on, None when all wallets were seen."""

    written: int
    last: uuid.UUID | None


def take(day: date, *, until: datetime, after: uuid.UUID | None, limit: int, at: datetime) -> Batch:
    """Write the closing balances of `day`, which ended at `until`, for the next `limit` wallets by id.

    Repeating it changes nothing. A wallet that moved on several days since its last snapshot gets one row.
    """
    wallets = select(Wallet.user_id).order_by(Wallet.user_id).limit(limit)
    if after is not None:
        wallets = wallets.where(Wallet.user_id > after)
    seen = session().scalars(wallets).all()
    if not seen:
        return Batch(0, None)
    asked = wallets.where(Wallet.user_id <= seen[-1]).subquery("asked")
    closing, known = aliased(LedgerEntry), aliased(WalletSnapshot)
    last_entry = (
        select(closing.id, closing.position, closing.balance_after)
        .where(closing.user_id == asked.c.user_id, closing.created_at < until)
        .order_by(closing.position.desc())
        .limit(1)
        .lateral("closing")
    )
    last_snapshot = (
        select(func.max(known.position).label("position"))
        .where(known.user_id == asked.c.user_id)
        .lateral("known")
    )
    rows = (
        select(
            asked.c.user_id,
            literal(day, Date),
            last_entry.c.balance_after,
            last_entry.c.position,
            last_entry.c.id,
            literal(at, UtcTime()),
        )
        .join(last_entry, true())
        .join(last_snapshot, true())
        .where(last_entry.c.position > func.coalesce(last_snapshot.c.position, 0))
    )
    columns = ["user_id", "day", "balance", "position", "entry_id", "taken_at"]
    written = session().execute(insert(WalletSnapshot).from_select(columns, rows).on_conflict_do_nothing())
    return Batch(written.rowcount, seen[-1] if len(seen) == limit else None)  # type: ignore[attr-defined]


def forget(*, before: date, limit: int) -> int:
    """Drop at most `limit` snapshots of days before `before`; each wallet's newest one always stays."""
    newer = aliased(WalletSnapshot)
    has_newer = (
        select(newer.user_id)
        .where(newer.user_id == WalletSnapshot.user_id, newer.day > WalletSnapshot.day)
        .exists()
    )
    old = (
        select(WalletSnapshot.user_id, WalletSnapshot.day)
        .where(WalletSnapshot.day < before, has_newer)
        .limit(limit)
        .subquery()
    )
    dropped = session().execute(
        delete(WalletSnapshot).where(WalletSnapshot.user_id == old.c.user_id, WalletSnapshot.day == old.c.day)
    )
    return dropped.rowcount  # type: ignore[attr-defined,no-any-return]
