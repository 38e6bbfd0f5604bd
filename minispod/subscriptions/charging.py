"""Charge one period or one change of plan; the only ways in which a subscription takes money.

The ledger reference names the period or the change, and both are numbered: the same month or change cannot be
charged twice, whoever tries. Lock order: subscription, instance, wallet, plan. What is given back is in refunding.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, exists, or_, select
from sqlalchemy.sql import ColumnElement

from minispod.catalog.models import Plan
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.inserting import in_one_message, insert_now
from minispod.kernel.money import Rupiah
from minispod.papers.opening import open_paper
from minispod.subscriptions.models import Period, PlanChange, Subscription
from minispod.subscriptions.pricing import period
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry


def due_price(subscription: Subscription, starts_at: datetime) -> Rupiah:
    """What a period that begins at `starts_at` is charged: what was announced, unless the plan asks for less now.

    An announcement may have been taken back while no round of notices has looked yet; it must not cost anybody money.
    """
    price = subscription.price_from(starts_at)
    if price <= subscription.price:
        return price
    wanted, is_for_all = (
        session()
        .execute(select(Plan.monthly_price, Plan.is_price_for_all).where(Plan.id == subscription.plan_id))
        .one()
    )
    return price if is_for_all and price <= wanted else subscription.price


def next_price(subscription: Subscription) -> Rupiah:
    """What its next renewal will be charged, as things stand: whoever tells of it says this."""
    return due_price(subscription, subscription.ends_at)


def next_price_column() -> ColumnElement[Rupiah]:
    """The same as `next_price`, for the database."""
    is_asked_for = exists().where(
        Plan.id == Subscription.plan_id,
        Plan.is_price_for_all.is_(True),
        Plan.monthly_price >= Subscription.coming_price,
    )
    holds = and_(
        Subscription.ends_at >= Subscription.coming_price_from,
        or_(Subscription.coming_price <= Subscription.price, is_asked_for),
    )
    return case((holds, Subscription.coming_price), else_=Subscription.price)


def charge_period(
    subscription: Subscription,
    number: int,
    *,
    discount: int = 0,
    description: str,
    zone: ZoneInfo,
    actor: Actor,
    at: datetime,
    waived_reason: str | None = None,
) -> Period:
    """Debit the price of period `number`, less a discount, and move the subscription into it; locks the wallet.

    A period that is waived for a stated reason has its entry too, of 0. Refuses InsufficientCredit and
    WalletInDebt before anything is written.
    """
    paid = due_period(subscription, number, discount=discount, zone=zone, at=at, waived_reason=waived_reason)
    pay(subscription, paid, description=description, actor=actor, at=at)
    enter(subscription, paid, at=at)
    return paid


def due_period(
    subscription: Subscription,
    number: int,
    *,
    discount: int = 0,
    zone: ZoneInfo,
    at: datetime,
    waived_reason: str | None = None,
) -> Period:
    """Period `number` as it is to be paid; nothing is written yet."""
    starts, ends = period(subscription.anchor_at, number - subscription.anchor_period + 1, zone)
    return Period(
        subscription_id=subscription.id,
        number=number,
        plan_id=subscription.plan_id,
        starts_at=starts,
        ends_at=ends,
        price=subscription.price,
        charged=Rupiah(0 if waived_reason is not None else subscription.price - discount),
        refunded=Rupiah(0),
        waived_reason=waived_reason,
        created_at=at,
    )


def enter(subscription: Subscription, paid: Period, *, at: datetime) -> None:
    """Move the subscription into a period."""
    subscription.period_number = paid.number
    subscription.ends_at = paid.ends_at
    subscription.last_charge = paid.charged
    subscription.billed_at = at
    subscription.failed_charges = 0
    subscription.grace_until = None
    subscription.updated_at = at


def pay(subscription: Subscription, due: Period, *, description: str, actor: Actor, at: datetime) -> None:
    """Debit a period and write it, with its entry and its paper; locks the wallet. The subscription is written.

    Refuses InsufficientCredit and WalletInDebt before anything is written.
    """
    is_waived = due.waived_reason is not None
    discount = 0 if is_waived else due.price - due.charged
    posting = ledger.Posting(
        EntryType.SUBSCRIPTION,
        EntryKind.PERIOD,
        f"{subscription.id}:{due.number}",
        description,
        subscription_id=subscription.id,
        details={
            "subscriptionId": str(subscription.id),
            "planId": str(subscription.plan_id),
            "period": due.number,
            "startsAt": due.starts_at.isoformat(),
            "endsAt": due.ends_at.isoformat(),
            **({"price": int(due.price), "discount": int(discount)} if discount else {}),
        },
    )
    with in_one_message():
        entry = ledger.debit(
            subscription.user_id, due.charged, posting, is_waived=is_waived, actor=actor, at=at
        )
        open_paper(entry, at=at)
        due.entry_id = entry.id
        insert_now(due)


def charge_change(
    subscription: Subscription,
    change: PlanChange,
    amount: int,
    *,
    description: str,
    actor: Actor,
    at: datetime,
) -> LedgerEntry:
    """Debit a change of plan (0 for one that is waived) and write it on the change; locks the wallet.

    Refuses InsufficientCredit and WalletInDebt before anything is written.
    """
    entry = ledger.debit(
        subscription.user_id,
        amount,
        ledger.Posting(
            EntryType.UPGRADE,
            EntryKind.UPGRADE,
            f"{subscription.id}:{change.number}",
            description,
            subscription_id=subscription.id,
            details={
                "subscriptionId": str(subscription.id),
                "fromPlanId": str(change.from_plan_id),
                "toPlanId": str(change.to_plan_id),
                "proratedDays": change.days_left,
                "period": change.period_number,
            },
        ),
        is_waived=change.is_waived,
        actor=actor,
        at=at,
    )
    change.charged = entry.amount
    change.entry_id = entry.id
    subscription.last_charge = entry.amount
    open_paper(entry, at=at)
    return entry


def charge_entry(subscription: Subscription) -> Sequence[uuid.UUID]:
    """The ledger entry of the running period."""
    wanted = select(Period.entry_id).where(
        Period.subscription_id == subscription.id, Period.number == subscription.period_number
    )
    return session().scalars(wanted).all()
