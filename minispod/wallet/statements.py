"""Reads of wallets and ledgers. Every customer-facing read filters by owner (decision 41)."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.wallet.errors import NoSuchWallet
from minispod.wallet.models import EntryType, LedgerEntry, Wallet

SPENDING = (EntryType.SUBSCRIPTION, EntryType.UPGRADE)


def get_wallet(user_id: uuid.UUID, *, actor: Actor) -> Wallet:
    """The wallet of `user_id`, as it is now; raise NoSuchWallet when it is missing or not the actor's."""
    wallet = session().get(Wallet, user_id, populate_existing=True) if actor.may_see(user_id) else None
    if wallet is None:
        raise NoSuchWallet()
    return wallet


def wallets_of(user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Wallet]:
    """The wallets of several accounts at once."""
    rows = session().scalars(select(Wallet).where(Wallet.user_id.in_(user_ids)))
    return {row.user_id: row for row in rows}


def recent_entries(user_id: uuid.UUID, limit: int = 10) -> Sequence[LedgerEntry]:
    """The newest entries of a wallet."""
    return (
        session()
        .scalars(
            select(LedgerEntry)
            .where(LedgerEntry.user_id == user_id)
            .order_by(LedgerEntry.created_at.desc(), LedgerEntry.number.desc())
            .limit(limit)
        )
        .all()
    )
