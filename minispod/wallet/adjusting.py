"""Administrators correct wallets: with a reason, on the record, and above a set sum with a second confirmation.

Every correction is an `Adjustment`, its movement a ledger entry whose reference is the adjustment's id.
Lock order (docs/adr/0005): the adjustment, then the wallet. See docs/adr/0017.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from minispod.accounts import passwords
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.wallet import alerting, ledger, statements
from minispod.wallet.errors import (
    AdjustmentExpired,
    AdjustmentKeyReused,
    AdjustmentTooLarge,
    AdjustmentTooSmall,
    NoSuchAdjustment,
    PasswordNeeded,
    ReasonMissing,
    SecondPersonNeeded,
)
from minispod.wallet.models import Adjustment, EntryKind, EntryType, LedgerEntry, Wallet
from minispod.wallet.states import ADJUSTMENT_LIFECYCLE, AdjustmentState

SMALLEST = 1_000
LARGEST = 100_000_000
_SHORTEST_REASON = 5
_LONGEST_REASON = 200
# Small sums one after the other are one large sum.
_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class AdjustmentRules:
    """Above which sum of one day and wallet a second confirmation is needed, and how long it is waited for."""

    confirm_above: int
    expires_after: timedelta


@dataclass(frozen=True, slots=True)
class Correction:
    """What shall be done to a wallet, and why. `delta` is signed; `may_owe` lets it go below zero."""

    user_id: uuid.UUID
    delta: int
    reason: str
    note: str | None = None
    may_owe: bool = False


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a correction would do at this moment, and whether it would wait for a second confirmation."""

    balance_before: int
    balance_after: int
    waits: bool

    @property
    def owed_after(self) -> int:
        """What the customer would owe."""
        return max(0, -self.balance_after)


def foresee(wanted: Correction, *, rules: AdjustmentRules, actor: Actor, at: datetime) -> Foresight:
    """Tell what a correction would do, without doing it; refuses as `request` does."""
    wallet = statements.get_wallet(wanted.user_id, actor=actor)
    waits = _judge(wallet, wanted, rules, actor, at)
    return Foresight(wallet.balance, wallet.balance + wanted.delta, waits)


def request(
    wanted: Correction, *, request_key: str | None, rules: AdjustmentRules, actor: Actor, at: datetime
) -> Adjustment:
    """Apply a correction, or have it wait for a second confirmation; a repeated `request_key` is the same one.

    Locks the wallet. Refuses AdjustmentTooSmall, AdjustmentTooLarge, ReasonMissing, NoSuchWallet,
    InsufficientCredit, AdjustmentKeyReused.
    """
    wallet = ledger.hold(wanted.user_id)
    earlier = _earlier(wanted, request_key, actor)
    if earlier is not None:
        return earlier
    waits = _judge(wallet, wanted, rules, actor, at)
    adjustment = _new(wanted, request_key, rules if waits else None, actor, at)
    if not waits:
        _move(adjustment, actor=actor, at=at)
    _write(adjustment)
    if waits:
        _record(trail.Action.WALLET_ADJUSTMENT_REQUESTED, adjustment, actor, at)
        alerting.call_staff(adjustment, at=at)
    return adjustment


def approve(
    adjustment_id: uuid.UUID, *, password: str | None, bcrypt_rounds: int, actor: Actor, at: datetime
) -> Adjustment:
    """The second confirmation: apply what waits. Locks the adjustment, then the wallet.

    Whoever asked for it is refused with SecondPersonNeeded, or, as the only active administrator, has to give the
    password (PasswordNeeded). Refuses NoSuchAdjustment, ImpossibleChange, AdjustmentExpired, InsufficientCredit.
    """
    adjustment = _waiting(adjustment_id, AdjustmentState.APPLIED, at)
    if adjustment.requested_by == actor.user_id:
        if _has_second_person(actor):
            raise SecondPersonNeeded()
        _check_password(actor, password, bcrypt_rounds)
    _move(adjustment, actor=actor, at=at)
    return adjustment


def decline(adjustment_id: uuid.UUID, *, actor: Actor, at: datetime) -> Adjustment:
    """Call off what waits; whoever asked for it may too.

    Refuses NoSuchAdjustment, ImpossibleChange, AdjustmentExpired.
    """
    adjustment = _waiting(adjustment_id, AdjustmentState.DECLINED, at)
    _decide(adjustment, AdjustmentState.DECLINED, actor, at)
    _record(trail.Action.WALLET_ADJUSTMENT_DECLINED, adjustment, actor, at)
    return adjustment


def expire_overdue(*, actor: Actor, at: datetime, limit: int = 100) -> Sequence[Adjustment]:
    """Close what waited too long for its second confirmation, oldest first; at most `limit` at once."""
    overdue = (
        select(Adjustment)
        .where(Adjustment.state == AdjustmentState.PENDING, Adjustment.expires_at <= at)
        .order_by(Adjustment.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = session().scalars(overdue).all()
    for adjustment in found:
        _decide(adjustment, AdjustmentState.EXPIRED, actor, at)
        _record(trail.Action.WALLET_ADJUSTMENT_EXPIRED, adjustment, actor, at)
    return found


def asks_for_password(adjustment: Adjustment, *, actor: Actor) -> bool:
    """Tell whether this actor, being alone, may approve an own request with the password."""
    return adjustment.requested_by == actor.user_id and not _has_second_person(actor)


def may_approve(adjustment: Adjustment, *, actor: Actor, at: datetime) -> bool:
    """Tell whether this actor could approve it now."""
    return is_waiting(adjustment, at) and (
        adjustment.requested_by != actor.user_id or not _has_second_person(actor)
    )


def is_waiting(adjustment: Adjustment, at: datetime) -> bool:
    """Tell whether it can still be decided."""
    return adjustment.state is AdjustmentState.PENDING and not _is_overdue(adjustment, at)


def entry_of(adjustment: Adjustment) -> LedgerEntry | None:
    """The movement it made, once applied."""
    return session().get(LedgerEntry, adjustment.entry_id) if adjustment.entry_id else None


def _judge(wallet: Wallet, wanted: Correction, rules: AdjustmentRules, actor: Actor, at: datetime) -> bool:
    """Tell whether a second confirmation is needed; refuses what may not be done at all."""
    amount = abs(wanted.delta)
    if amount < SMALLEST:
        raise AdjustmentTooSmall(f"Amount must be at least {SMALLEST:,} IDR", minimum=SMALLEST)
    if amount > LARGEST:
        raise AdjustmentTooLarge(f"Amount must not exceed {LARGEST:,} IDR", maximum=LARGEST)
    if not _SHORTEST_REASON <= len(wanted.reason.strip()) <= _LONGEST_REASON:
        raise ReasonMissing()
    if wanted.delta < 0 and not wanted.may_owe:
        ledger.require_cover(wallet, amount)
    return _needs_second(wanted, rules, actor, at)


def _earlier(wanted: Correction, request_key: str | None, actor: Actor) -> Adjustment | None:
    """What this request key made already; raise AdjustmentKeyReused when it was another wish."""
    if request_key is None:
        return None
    found = session().scalar(
        select(Adjustment).where(
            Adjustment.requested_by == actor.user_id, Adjustment.request_key == request_key
        )
    )
    if found is None:
        return None
    known = (found.user_id, found.delta, found.reason, found.may_owe)
    if known != (wanted.user_id, wanted.delta, wanted.reason.strip(), wanted.may_owe):
        raise AdjustmentKeyReused()
    return found


def _needs_second(wanted: Correction, rules: AdjustmentRules, actor: Actor, at: datetime) -> bool:
    """Large sums of one day, and anything in one's own wallet; the wallet is locked, so that sums are counted."""
    if wanted.user_id == actor.user_id:
        return True
    lately = session().scalar(
        select(func.coalesce(func.sum(func.abs(Adjustment.delta)), 0)).where(
            Adjustment.user_id == wanted.user_id,
            Adjustment.state == AdjustmentState.APPLIED,
            Adjustment.expires_at.is_(None),
            Adjustment.requested_at > at - _WINDOW,
        )
    )
    return abs(wanted.delta) + int(lately or 0) > rules.confirm_above


def _new(
    wanted: Correction, request_key: str | None, waits: AdjustmentRules | None, actor: Actor, at: datetime
) -> Adjustment:
    return Adjustment(
        id=new_id(),
        user_id=wanted.user_id,
        delta=Rupiah(wanted.delta),
        reason=wanted.reason.strip(),
        note=wanted.note,
        may_owe=wanted.may_owe,
        state=AdjustmentState.PENDING,
        request_key=request_key,
        requested_by=actor.user_id,
        requested_at=at,
        expires_at=at + waits.expires_after if waits else None,
    )


def _move(adjustment: Adjustment, *, actor: Actor, at: datetime) -> None:
    """Write the ledger entry; its reference is the adjustment, so that it cannot be applied twice."""
    added = adjustment.delta > 0
    posting = ledger.Posting(
        EntryType.ADMIN_ADJUSTMENT,
        EntryKind.ADJUSTMENT,
        str(adjustment.id),
        f"Admin Credit {'Addition' if added else 'Deduction'}: {adjustment.reason}",
        payment_method="ADMIN_MANUAL",
        details={"reason": adjustment.reason, "adjustmentId": str(adjustment.id)},
    )
    if added:
        entry = ledger.credit(adjustment.user_id, adjustment.delta, posting, actor=actor, at=at)
    else:
        entry = ledger.deduct(
            adjustment.user_id,
            -adjustment.delta,
            posting,
            may_owe=adjustment.may_owe,
            actor=actor,
            at=at,
        )
    adjustment.entry_id = entry.id
    _decide(adjustment, AdjustmentState.APPLIED, actor, at)
    _record(trail.Action.WALLET_ADJUSTED, adjustment, actor, at, entry=entry.custom_id)


def _write(adjustment: Adjustment) -> None:
    session().add(adjustment)
    try:
        session().flush()  # the unique request key answers now
    except IntegrityError:
        # The same key for the same wallet was found under its lock; this one came for another wallet.
        raise AdjustmentKeyReused() from None


def _waiting(adjustment_id: uuid.UUID, wanted: AdjustmentState, at: datetime) -> Adjustment:
    adjustment: Adjustment | None = lock(Adjustment, adjustment_id)
    if adjustment is None:
        raise NoSuchAdjustment()
    ADJUSTMENT_LIFECYCLE.check(adjustment.state, wanted)
    if _is_overdue(adjustment, at):
        raise AdjustmentExpired()
    return adjustment


def _is_overdue(adjustment: Adjustment, at: datetime) -> bool:
    return adjustment.expires_at is not None and adjustment.expires_at <= at


def _decide(adjustment: Adjustment, state: AdjustmentState, actor: Actor, at: datetime) -> None:
    adjustment.state = state
    adjustment.decided_by = actor.user_id
    adjustment.decided_at = at


def _has_second_person(actor: Actor) -> bool:
    others = select(func.count()).where(
        User.role == Role.ADMINISTRATOR, User.is_active.is_(True), User.id != actor.user_id
    )
    return bool(session().scalar(others))


def _check_password(actor: Actor, password: str | None, bcrypt_rounds: int) -> None:
    user = session().get(User, actor.user_id)
    known = user.password_hash if user else None
    if not password or not passwords.matches(password, known, bcrypt_rounds):
        raise PasswordNeeded()


def _record(
    action: trail.Action, adjustment: Adjustment, actor: Actor, at: datetime, **more: str | None
) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="wallet",
        subject_id=adjustment.user_id,
        adjustment=str(adjustment.id),
        amount=int(adjustment.delta),
        reason=adjustment.reason,
        **more,
    )
