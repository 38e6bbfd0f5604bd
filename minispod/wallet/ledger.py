"""Every movement of credit. The wallet's cached sum is moved, which locks its row, and the entry appended.

Lock order (docs/adr/0005): top-up or subscription, instance, wallet, coupon, room, plan. The balance after an
entry is the sum of all entries up to it; nothing else writes `balance`.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Row, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.util import identity_key

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, run, session, table_of
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.kernel.tasks import Task
from minispod.wallet.errors import InsufficientCredit, NoSuchWallet, WalletInDebt
from minispod.wallet.models import (
    CHARGE_REFUNDS,
    TRANSACTION_NUMBERS,
    EntryKind,
    EntryType,
    LedgerEntry,
    Wallet,
)

_WALLETS, _ENTRIES = table_of(Wallet), table_of(LedgerEntry)
_AFTER = _WALLETS.c.balance + bindparam("delta")
_SHORT = func.greatest(0, -_AFTER)
_MOVED = (
    update(_WALLETS)
    .where(
        _WALLETS.c.user_id == bindparam("owner"),
        # A debit takes what is there while it is there; who finds too little is told by `_require_credit`.
        or_(bindparam("is_allowed", type_=Boolean()), and_(_WALLETS.c.gateway_debt == 0, _AFTER >= 0)),
    )
    .values(
        balance=_AFTER,
        # Debt grows only by what may owe; anything else that asks for too much meets the check of the table.
        gateway_debt=case((bindparam("may_owe"), _SHORT), else_=func.least(_WALLETS.c.gateway_debt, _SHORT)),
        total_top_up=_WALLETS.c.total_top_up + bindparam("topped_up"),
        total_spent=func.greatest(0, _WALLETS.c.total_spent + bindparam("spent")),
        updated_at=bindparam("at"),
    )
    .returning(_WALLETS.c.balance, _WALLETS.c.gateway_debt)
    .cte("moved")
)
_SAID = (
    *("id", "user_id", "type", "kind", "reference", "amount", "delta", "description", "payment_method"),
    *("subscription_id", "details", "actor_id", "created_at"),
)
_POST = (
    insert(_ENTRIES)
    .from_select(
        [*_SAID, "number", "balance_before", "balance_after"],
        select(
            *(bindparam(f"said_{name}", type_=_ENTRIES.c[name].type) for name in _SAID),
            func.coalesce(bindparam("known_number", type_=BigInteger()), TRANSACTION_NUMBERS.next_value()),
            _MOVED.c.balance - bindparam("delta"),
            _MOVED.c.balance,
        ),
    )
    .returning(
        *(_ENTRIES.c[name] for name in ("number", "position", "balance_before", "balance_after")),
        select(_MOVED.c.gateway_debt).scalar_subquery().label("debt"),
    )
)
"""Moves a wallet and appends the entry of it: of nobody's, or of one that does not hold enough, nothing is written."""


@dataclass(frozen=True, slots=True)
class Posting:
    """What is to be written: the act (kind, reference), how it reads, and what it belongs to."""

    type: EntryType
    kind: EntryKind
    reference: str
    description: str
    subscription_id: uuid.UUID | None = None
    payment_method: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    entry_id: uuid.UUID | None = None
    number: int | None = None


def open_wallet(user_id: uuid.UUID, *, at: datetime) -> Wallet:
    """Give an account an empty wallet."""
    wallet = Wallet(
        user_id=user_id,
        balance=Rupiah(0),
        gateway_debt=Rupiah(0),
        total_top_up=Rupiah(0),
        total_spent=Rupiah(0),
        created_at=at,
        updated_at=at,
    )
    session().add(wallet)
    session().flush()  # entries of the same transaction refer to the row
    return wallet


def next_number() -> int:
    """Take the next transaction number (TXMP-<n>); gaps are possible, repeats are not."""
    return int(session().execute(select(TRANSACTION_NUMBERS.next_value())).scalar_one())


def credit(user_id: uuid.UUID, amount: int, posting: Posting, *, actor: Actor, at: datetime) -> LedgerEntry:
    """Add credit once for (kind, reference); locks the wallet. Whoever waits for money is woken after the commit."""
    _require_positive(amount)
    if posting.kind in CHARGE_REFUNDS:
        entry = _post(user_id, amount, posting, spent=-amount, actor=actor, at=at)
    else:
        entry = _post(user_id, amount, posting, topped_up=amount, actor=actor, at=at)
    # Decision 33: revival happens in a unit of work of its own, so that the lock order holds.
    outbox.later(Task.CREDIT_ARRIVED, key=str(user_id), at=at, user_id=str(user_id))
    return entry


def debit(
    user_id: uuid.UUID,
    amount: int,
    posting: Posting,
    *,
    is_waived: bool = False,
    actor: Actor,
    at: datetime,
) -> LedgerEntry:
    """Take credit once for (kind, reference); locks the wallet. Refuses WalletInDebt, InsufficientCredit.

    A charge of 0 (a free plan) is written too: each period has its entry. Debt blocks it like any other, unless
    staff waived it.
    """
    if amount < 0 or (is_waived and amount):
        raise ValueError("a debit is not negative, and what is waived costs nothing")
    entry = _try_to_post(user_id, -amount, posting, is_allowed=is_waived, spent=amount, actor=actor, at=at)
    if entry is None:
        _require_credit(_locked(user_id), amount)
        # Credit has come meanwhile, and stays: the wallet is locked.
        entry = _post(user_id, -amount, posting, spent=amount, actor=actor, at=at)
    return entry


def take_back(
    user_id: uuid.UUID, amount: int, posting: Posting, *, actor: Actor, at: datetime
) -> LedgerEntry:
    """Reverse credit the gateway took back; what was spent already becomes debt (decision 14)."""
    _require_positive(amount)
    return _post(user_id, -amount, posting, topped_up=-amount, may_owe=True, actor=actor, at=at)


def deduct(
    user_id: uuid.UUID, amount: int, posting: Posting, *, may_owe: bool, actor: Actor, at: datetime
) -> LedgerEntry:
    """Correct a wallet downwards; locks it. With `may_owe` what is missing is owed, else InsufficientCredit."""
    wallet = _locked(user_id)
    _require_positive(amount)
    if not may_owe:
        require_cover(wallet, amount)
    return _post(user_id, -amount, posting, spent=amount, may_owe=may_owe, actor=actor, at=at)


def hold(user_id: uuid.UUID) -> Wallet:
    """The wallet, locked: what is read of it now is still true when this transaction writes. Raises NoSuchWallet."""
    return _locked(user_id)


def require_cover(wallet: Wallet, amount: int) -> None:
    """Refuse InsufficientCredit, in words for staff, unless a deduction leaves the wallet at zero or above."""
    if wallet.balance < amount:
        raise InsufficientCredit(
            f"Insufficient balance. User has {wallet.balance} credits, "
            f"but {amount} credits requested for deduction.",
            currentBalance=wallet.balance,
            requiredAmount=amount,
            shortfall=amount - wallet.balance,
        )


def find_entry(kind: EntryKind, reference: str) -> LedgerEntry | None:
    """The entry an act wrote, if it did."""
    return session().scalar(
        select(LedgerEntry).where(LedgerEntry.kind == kind, LedgerEntry.reference == reference)
    )


def covers(user_id: uuid.UUID, amount: int) -> bool:
    """Tell whether a debit would succeed; locks the wallet, so that it still will in this transaction.

    A wallet in debt is below zero and covers nothing, not even what is free (decision 14).
    """
    wallet = _locked(user_id)
    return not wallet.gateway_debt and wallet.balance >= amount


def _post(user_id: uuid.UUID, delta: int, posting: Posting, **facts: Any) -> LedgerEntry:
    """Move a wallet that may be moved; raise NoSuchWallet."""
    entry = _try_to_post(user_id, delta, posting, is_allowed=True, **facts)
    if entry is None:
        raise NoSuchWallet()
    return entry


def _try_to_post(
    user_id: uuid.UUID,
    delta: int,
    posting: Posting,
    *,
    is_allowed: bool,
    topped_up: int = 0,
    spent: int = 0,
    may_owe: bool = False,
    actor: Actor,
    at: datetime,
) -> LedgerEntry | None:
    """Move the wallet and write the entry and the line in the book; None when nothing was moved.

    The unique (kind, reference) and the chain answer at once, under the lock.
    """
    said = {
        "id": posting.entry_id or new_id(),
        "user_id": user_id,
        "type": posting.type,
        "kind": posting.kind,
        "reference": posting.reference,
        "amount": Rupiah(abs(delta)),
        "delta": Rupiah(delta),
        "description": posting.description[:200],
        "payment_method": posting.payment_method,
        "subscription_id": posting.subscription_id,
        "details": posting.details,
        "actor_id": actor.user_id,
        "created_at": at,
    }
    sums = {"delta": delta, "topped_up": topped_up, "spent": spent, "may_owe": may_owe}
    asked = {"owner": user_id, "at": at, "is_allowed": is_allowed, "known_number": posting.number}
    found = run(_POST, {f"said_{name}": value for name, value in said.items()} | sums | asked).one_or_none()
    if found is None:
        return None
    entry = _written(said, found)
    trail.record(
        actor,
        trail.Action.WALLET_CREDITED if delta > 0 else trail.Action.WALLET_DEBITED,
        at=at,
        subject_kind="wallet",
        subject_id=user_id,
        amount=abs(delta),
        entry=entry.custom_id,
        debt=found.debt or None,
    )
    loaded = session().identity_map.get(identity_key(Wallet, user_id))
    if loaded is not None:
        session().expire(loaded)
    return entry


def _written(said: dict[str, Any], found: Row[Any]) -> LedgerEntry:
    """The entry as if it had been loaded: it refers to what is in the database, and is not written again."""
    entry = LedgerEntry(
        number=found.number,
        position=found.position,
        balance_before=Rupiah(found.balance_before),
        balance_after=Rupiah(found.balance_after),
        **said,
    )
    make_transient_to_detached(entry)
    session().add(entry)
    return entry


def _require_credit(wallet: Wallet, amount: int) -> None:
    """Refuse WalletInDebt and InsufficientCredit; a wallet in debt pays nothing, not even what is free."""
    if wallet.gateway_debt:
        raise WalletInDebt(debt=wallet.gateway_debt)
    if amount > wallet.balance:
        raise InsufficientCredit(
            currentBalance=wallet.balance, requiredAmount=amount, shortfall=amount - wallet.balance
        )


def _locked(user_id: uuid.UUID) -> Wallet:
    wallet: Wallet | None = lock(Wallet, user_id)
    if wallet is None:
        raise NoSuchWallet()
    return wallet


def _require_positive(amount: int) -> None:
    if amount <= 0:
        raise ValueError("what moves is positive")
