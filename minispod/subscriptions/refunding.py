"""Give charges back: whole, in part, or what of them is not used; the only way in which a charge is refunded.

What comes back never exceeds what was debited (decision 13): each charge counts what was given back of it, under
the lock of its subscription, and a CHECK stands behind the count. The ledger reference of a refund says from which
rupiah of the charge on it gives back, so that two refunds of the same rupiah cannot both be written.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.papers.opening import open_paper
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.subscriptions.pricing import days_of, days_until, part_of, unused_days
from minispod.subscriptions.states import ChangeState
from minispod.wallet import ledger
from minispod.wallet.errors import RefundTooLarge
from minispod.wallet.models import EntryKind, EntryType

Charge = Period | PlanChange


@dataclass(frozen=True, slots=True)
class Because:
    """What the customer's statement says, why it was done, and the key of the request, if it had one."""

    description: str
    reason: str
    request_key: str | None = None


def give_back(
    subscription: Subscription, amount: int, *, because: Because, actor: Actor, at: datetime
) -> list[Refund]:
    """Refund `amount` of what the subscription cost, its newest charges first; the row is locked by the caller.

    Refuses RefundTooLarge when less than that was paid and is not given back yet. Locks the wallet.
    """
    charges = refundable_charges(subscription.id)
    if amount <= 0 or amount > sum(map(_rest, charges)):
        raise RefundTooLarge(refundable=sum(map(_rest, charges)), requested=amount)
    return _spread(subscription, [(each, _rest(each)) for each in charges], amount, because, actor, at)


def give_back_of(
    subscription: Subscription, charge: Charge, amount: int, *, because: Because, actor: Actor, at: datetime
) -> Refund:
    """Refund a part of one charge; refuses RefundTooLarge. The subscription is locked by the caller."""
    if amount <= 0 or amount > _rest(charge):
        raise RefundTooLarge(refundable=_rest(charge), requested=amount)
    return _refund(subscription, charge, amount, because, actor, at)


def refund_in_full(subscription: Subscription, *, description: str, actor: Actor, at: datetime) -> Rupiah:
    """Give back all that it cost, each charge once (decisions 13 and 17); locks the wallet."""
    because = Because(description, description)
    refunds = [
        _refund(subscription, each, _rest(each), because, actor, at)
        for each in refundable_charges(subscription.id)
    ]
    return _sum(refunds)


def refund_unused(
    subscription: Subscription, *, because: Because, zone: ZoneInfo, actor: Actor, at: datetime
) -> list[Refund]:
    """Give back what of the running period is paid and not used; a begun day is used. Locks the wallet."""
    unused, charges = _unused(subscription, unused_days(subscription.ends_at, at), zone)
    return _spread(subscription, charges, unused, because, actor, at)


def refund_difference(
    subscription: Subscription, owed: int, *, because: Because, zone: ZoneInfo, actor: Actor, at: datetime
) -> Sequence[Refund]:
    """Credit a move to a cheaper plan: what is `owed`, as far as it was paid for the days left. Locks the wallet."""
    unused, charges = _unused(subscription, days_until(subscription.ends_at, at), zone)
    return _spread(subscription, charges, min(owed, unused), because, actor, at)


def refundable_charges(subscription_id: uuid.UUID) -> list[Charge]:
    """Charges of which something is left to give back, newest first."""
    periods = session().scalars(
        select(Period)
        .where(Period.subscription_id == subscription_id, Period.refunded < Period.charged)
        .execution_options(populate_existing=True)
    )
    changes = session().scalars(
        select(PlanChange)
        .where(PlanChange.subscription_id == subscription_id, PlanChange.refunded < PlanChange.charged)
        .execution_options(populate_existing=True)
    )
    charges: list[Charge] = [*periods, *changes]
    return sorted(charges, key=lambda each: (each.created_at, each.id), reverse=True)


def refundable(subscription_id: uuid.UUID) -> Rupiah:
    """How much of all that the subscription cost could still be given back."""
    return Rupiah(sum(map(_rest, refundable_charges(subscription_id))))


def find_repeat(subscription: Subscription, request_key: str | None) -> Sequence[Refund]:
    """What the first request with this key gave back; empty when it is the first."""
    if not request_key:
        return ()
    return (
        session()
        .scalars(
            select(Refund)
            .where(Refund.subscription_id == subscription.id, Refund.request_key == request_key)
            .order_by(Refund.id)
            .options(joinedload(Refund.entry))
        )
        .all()
    )


def refund_entries(subscription: Subscription) -> Sequence[uuid.UUID]:
    """The ledger entries of all that was given back of it."""
    return session().scalars(select(Refund.entry_id).where(Refund.subscription_id == subscription.id)).all()


def list_refunds(subscription_id: uuid.UUID) -> Sequence[Refund]:
    """All that was given back of a subscription, newest first, each with its entry."""
    return (
        session()
        .scalars(
            select(Refund)
            .where(Refund.subscription_id == subscription_id)
            .order_by(Refund.created_at.desc(), Refund.id.desc())
            .options(joinedload(Refund.entry))
        )
        .all()
    )


def _unused(subscription: Subscription, days: int, zone: ZoneInfo) -> tuple[int, list[tuple[Charge, int]]]:
    """What of the running period is paid and falls on `days`, and the charges it may be given back of.

    A credit for a move downward covered the days that were left then: what of it falls on `days` is subtracted.
    Anything else that was given back is subtracted whole.
    """
    period = (
        session()
        .scalars(
            select(Period)
            .where(Period.subscription_id == subscription.id, Period.number == subscription.period_number)
            .execution_options(populate_existing=True)
        )
        .one()
    )
    changes = session().scalars(
        select(PlanChange)
        .where(
            PlanChange.subscription_id == subscription.id,
            PlanChange.period_number == subscription.period_number,
            PlanChange.state != ChangeState.RETURNED,
        )
        .execution_options(populate_existing=True)
    )
    whole = days_of(period.starts_at, period.ends_at, zone)
    made: list[Charge] = [period]
    unused = part_of(period.charged, days, whole) - period.refunded
    for change in changes:
        made.append(change)
        # Of a credit, what fell on days that are gone was rightly kept by the customer.
        unused += part_of(change.charged, days, change.days_left) - change.refunded
        unused += change.credited - part_of(change.credited, days, change.days_left)
    made.sort(key=lambda each: (each.created_at, each.id), reverse=True)
    return max(0, unused), [(each, _rest(each)) for each in made]


def _spread(
    subscription: Subscription,
    parts: Iterable[tuple[Charge, int]],
    amount: int,
    because: Because,
    actor: Actor,
    at: datetime,
) -> list[Refund]:
    refunds = []
    for charge, most in parts:
        taken = min(most, amount)
        if taken > 0:
            refunds.append(_refund(subscription, charge, taken, because, actor, at))
            amount -= taken
    return refunds


def _refund(
    subscription: Subscription, charge: Charge, amount: int, because: Because, actor: Actor, at: datetime
) -> Refund:
    period = charge.number if isinstance(charge, Period) else charge.period_number
    is_period = isinstance(charge, Period)
    refund_id = new_id()
    entry = ledger.credit(
        subscription.user_id,
        amount,
        ledger.Posting(
            EntryType.REFUND,
            EntryKind.PERIOD_REFUND if is_period else EntryKind.UPGRADE_REFUND,
            f"{subscription.id}:{charge.number}:{charge.refunded}",
            because.description,
            subscription_id=subscription.id,
            details={
                "subscriptionId": str(subscription.id),
                "period": period,
                "refundId": str(refund_id),
                "reason": because.reason,
            },
        ),
        actor=actor,
        at=at,
    )
    charge.refunded = Rupiah(charge.refunded + amount)
    open_paper(entry, at=at)
    refund = Refund(
        id=refund_id,
        subscription_id=subscription.id,
        period_id=charge.id if is_period else None,
        change_id=None if is_period else charge.id,
        amount=entry.amount,
        reason=because.reason[:500],
        entry_id=entry.id,
        entry=entry,
        request_key=because.request_key,
        actor_id=actor.user_id,
        created_at=at,
    )
    session().add(refund)
    return refund


def _rest(charge: Charge) -> int:
    return charge.charged - charge.refunded


def _sum(refunds: Iterable[Refund]) -> Rupiah:
    return Rupiah(sum(each.amount for each in refunds))
