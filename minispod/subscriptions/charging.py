"""Charge one period and write it down; the one way in which a subscription takes money.

The ledger reference and the period number are unique: the same month cannot be charged twice, whoever
tries. Lock order: subscription, instance, wallet, plan.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.papers.opening import open_paper
from minispod.subscriptions.models import Period, Subscription
from minispod.subscriptions.pricing import period
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry


def charge_period(
    subscription: Subscription, number: int, *, description: str, zone: ZoneInfo, actor: Actor, at: datetime
) -> Period:
    """Debit the price of period `number` and move the subscription into it; locks the wallet.

    Refuses InsufficientCredit and WalletInDebt before anything is written.
    """
    starts, ends = period(subscription.anchor_at, number - subscription.anchor_period + 1, zone)
    entry = ledger.debit(
        subscription.user_id,
        subscription.price,
        ledger.Posting(
            EntryType.SUBSCRIPTION,
            EntryKind.PERIOD,
            f"{subscription.id}:{number}",
            description,
            subscription_id=subscription.id,
            details={
                "subscriptionId": str(subscription.id),
                "planId": str(subscription.plan_id),
                "period": number,
                "startsAt": starts.isoformat(),
                "endsAt": ends.isoformat(),
            },
        ),
        actor=actor,
        at=at,
    )
    open_paper(entry, at=at)
    paid = Period(
        subscription_id=subscription.id,
        number=number,
        plan_id=subscription.plan_id,
        starts_at=starts,
        ends_at=ends,
        price=subscription.price,
        charged=entry.amount,
        refunded=Rupiah(0),
        entry_id=entry.id,
        created_at=at,
    )
    session().add(paid)
    subscription.period_number = number
    subscription.ends_at = ends
    subscription.last_charge = entry.amount
    subscription.billed_at = at
    subscription.failed_charges = 0
    subscription.grace_until = None
    subscription.updated_at = at
    return paid


def refund_in_full(subscription: Subscription, *, description: str, actor: Actor, at: datetime) -> Rupiah:
    """Give back what every month of it cost, each once (decisions 13 and 17); locks the wallet."""
    paid = session().scalars(
        select(Period)
        .where(Period.subscription_id == subscription.id, Period.refunded < Period.charged)
        .order_by(Period.number)
        .execution_options(populate_existing=True)
    )
    return Rupiah(sum(_refund(each, subscription, description, actor, at) for each in paid.all()))


def charge_entry(subscription: Subscription) -> Sequence[uuid.UUID]:
    """The ledger entry of the running period."""
    wanted = select(Period.entry_id).where(
        Period.subscription_id == subscription.id, Period.number == subscription.period_number
    )
    return session().scalars(wanted).all()


def refund_entries(subscription: Subscription) -> Sequence[uuid.UUID]:
    """The ledger entries of all that was given back of it."""
    wanted = select(LedgerEntry.id).where(
        LedgerEntry.subscription_id == subscription.id, LedgerEntry.kind == EntryKind.PERIOD_REFUND
    )
    return session().scalars(wanted).all()


def _refund(paid: Period, subscription: Subscription, description: str, actor: Actor, at: datetime) -> int:
    amount = paid.charged - paid.refunded
    paid.refunded = paid.charged
    entry = ledger.credit(
        subscription.user_id,
        amount,
        ledger.Posting(
            EntryType.REFUND,
            EntryKind.PERIOD_REFUND,
            f"{subscription.id}:{paid.number}",
            description,
            subscription_id=subscription.id,
            details={"subscriptionId": str(subscription.id), "period": paid.number},
        ),
        actor=actor,
        at=at,
    )
    open_paper(entry, at=at)
    return amount
