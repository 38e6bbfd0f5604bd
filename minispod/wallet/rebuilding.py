"""Compute a wallet anew from its ledger, where only the wallet is wrong. Lock: the wallet.

The ledger is the truth; the wallet's figures are cached sums of it (docs/adr/0004). A ledger whose own chain has
a break is no truth to compute from: it is refused and left to a person.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.kernel.money import Rupiah
from minispod.kernel.tasks import Task
from minispod.wallet.errors import LedgerBroken, NoSuchWallet, NothingToRebuild
from minispod.wallet.models import CHARGE_REFUNDS, REVERSALS, LedgerEntry, Wallet


@dataclass(frozen=True, slots=True)
class Figures:
    """What a wallet caches."""

    balance: int
    gateway_debt: int
    total_top_up: int
    total_spent: int


def rebuild(user_id: uuid.UUID, *, actor: Actor, at: datetime) -> Wallet:
    """Set balance, debt and totals to what the ledger says; whoever waits for credit that appears is woken.

    Refuses NoSuchWallet, LedgerBroken, NothingToRebuild.
    """
    wallet: Wallet | None = lock(Wallet, user_id)
    if wallet is None:
        raise NoSuchWallet()
    if _has_break(user_id):
        raise LedgerBroken()
    before, after = _figures_of(wallet), _figures_by_ledger(user_id)
    if before == after:
        raise NothingToRebuild()
    wallet.balance = Rupiah(after.balance)
    wallet.gateway_debt = Rupiah(after.gateway_debt)
    wallet.total_top_up = Rupiah(after.total_top_up)
    wallet.total_spent = Rupiah(after.total_spent)
    wallet.updated_at = at
    _record(before, after, wallet, actor, at)
    if after.balance > before.balance or after.gateway_debt < before.gateway_debt:
        outbox.later(Task.CREDIT_ARRIVED, key=str(user_id), at=at, user_id=str(user_id))
    return wallet


def _has_break(user_id: uuid.UUID) -> bool:
    begins_at = func.lag(LedgerEntry.balance_after, 1, 0).over(order_by=LedgerEntry.position)
    chain = (
        select(
            LedgerEntry.balance_before,
            LedgerEntry.balance_after,
            LedgerEntry.delta,
            LedgerEntry.amount,
            begins_at.label("begins_at"),
        )
        .where(LedgerEntry.user_id == user_id)
        .subquery()
    )
    is_off = or_(
        chain.c.balance_before != chain.c.begins_at,
        chain.c.balance_after != chain.c.balance_before + chain.c.delta,
        chain.c.amount != func.abs(chain.c.delta),
    )
    return session().scalar(select(chain.c.delta).where(is_off).limit(1)) is not None


def _figures_by_ledger(user_id: uuid.UUID) -> Figures:
    is_spending = or_(
        LedgerEntry.kind.in_(CHARGE_REFUNDS), (LedgerEntry.delta < 0) & LedgerEntry.kind.not_in(REVERSALS)
    )
    total, spent = (
        session()
        .execute(
            select(
                func.coalesce(func.sum(LedgerEntry.delta), 0),
                func.coalesce(func.sum(-LedgerEntry.delta).filter(is_spending), 0),
            ).where(LedgerEntry.user_id == user_id)
        )
        .one()
    )
    balance = int(total)
    return Figures(balance, max(0, -balance), balance + int(spent), int(spent))


def _figures_of(wallet: Wallet) -> Figures:
    return Figures(wallet.balance, wallet.gateway_debt, wallet.total_top_up, wallet.total_spent)


def _record(before: Figures, after: Figures, wallet: Wallet, actor: Actor, at: datetime) -> None:
    names = Figures.__dataclass_fields__
    changed = {
        name: [getattr(before, name), getattr(after, name)]
        for name in names
        if getattr(before, name) != getattr(after, name)
    }
    trail.record(
        actor,
        trail.Action.WALLET_REBUILT,
        at=at,
        subject_kind="wallet",
        subject_id=wallet.user_id,
        changed=changed,
    )
