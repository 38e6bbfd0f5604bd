"""Subscriptions with a past, as rows written past the triggers: months, changes of plan and an end when one likes.

The rows say what the acts would have written; no wallet, entry or instance belongs to them.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from minispod.accounts.models import User
from minispod.catalog.models import Plan
from minispod.kernel.actor import Role
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah
from minispod.subscriptions.models import Period, PlanChange, Subscription
from minispod.subscriptions.pricing import period
from minispod.subscriptions.states import ChangeState, EndReason, SubscriptionStatus
from minispod.wallet.models import Wallet

JAKARTA = ZoneInfo("Asia/Jakarta")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of plan within month `month` (from 1): to what price and plan, and whether it stood."""

    month: int
    at: datetime
    price: int
    plan_id: uuid.UUID
    charged: int = 1_000
    credited: int = 0
    is_returned: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """One subscription: begun when, of what price, for how many months, and what happened to it."""

    user_id: uuid.UUID
    plan_id: uuid.UUID
    begun_at: datetime
    price: int = 50_000
    months: int = 1
    free_months: frozenset[int] = frozenset()
    changes: Sequence[Change] = field(default_factory=tuple)
    ended_at: datetime | None = None
    is_given_back: bool = False
    auto_renew: bool = True
    coming: tuple[int, datetime] | None = None
    grace_until: datetime | None = None


def put_customer(name: str, *, balance: int = 0, debt: int = 0, at: datetime) -> uuid.UUID:
    """A customer with a wallet."""
    user_id = new_id()
    _without_triggers()
    session().add(
        User(
            id=user_id,
            name=name,
            email=f"{user_id.hex}@example.com",
            role=Role.USER,
            created_at=at,
            updated_at=at,
        )
    )
    session().add(
        Wallet(
            user_id=user_id, balance=Rupiah(balance), gateway_debt=Rupiah(debt), created_at=at, updated_at=at
        )
    )
    session().flush()
    return user_id


def put_past(past: Past, *, zone: ZoneInfo = JAKARTA) -> uuid.UUID:
    """Write the rows of one subscription; returns its id."""
    _without_triggers()
    plan = session().get_one(Plan, past.plan_id)
    price, plan_id = past.price, past.plan_id
    id_ = new_id()
    rows: list[Period | PlanChange] = []
    for number in range(1, past.months + 1):
        starts, ends = period(past.begun_at, number, zone)
        is_last = number == past.months
        charged = 0 if number in past.free_months else price
        rows.append(
            Period(
                subscription_id=id_,
                number=number,
                plan_id=plan_id,
                starts_at=starts,
                ends_at=ends,
                price=Rupiah(price),
                charged=Rupiah(charged),
                refunded=Rupiah(charged if is_last and past.is_given_back else 0),
                entry_id=new_id(),
                created_at=starts,
            )
        )
        for change in past.changes:
            if change.month != number:
                continue
            rows.append(_change(id_, len(rows), price, plan_id, change))
            if not change.is_returned:
                price, plan_id = change.price, change.plan_id
    session().add(
        Subscription(
            id=id_,
            user_id=past.user_id,
            service_id=plan.service_id,
            plan_id=plan_id,
            status=SubscriptionStatus.CANCELLED if past.ended_at else SubscriptionStatus.ACTIVE,
            price=Rupiah(price),
            coming_price=Rupiah(past.coming[0]) if past.coming else None,
            coming_price_from=past.coming[1] if past.coming else None,
            last_charge=Rupiah(price),
            auto_renew=past.auto_renew,
            anchor_at=past.begun_at,
            period_number=past.months,
            started_at=past.begun_at,
            ends_at=period(past.begun_at, past.months, zone)[1],
            grace_until=past.grace_until,
            ended_at=past.ended_at,
            end_reason=EndReason.CUSTOMER if past.ended_at else None,
            created_at=past.begun_at,
            updated_at=past.begun_at,
        )
    )
    session().flush()
    session().add_all(rows)
    session().flush()
    return id_


def drawn_past(draw: random.Random, user_id: uuid.UUID, plans: Sequence[uuid.UUID], *, at: datetime) -> Past:
    """A past as it may be: months, free ones, changes of plan that stood or not, an end, money that went back."""
    begun = at - timedelta(minutes=draw.randrange(420 * 24 * 60))
    possible = 1
    while period(begun, possible, JAKARTA)[1] <= at:
        possible += 1
    months = draw.randint(1, possible)
    changes: list[Change] = []
    if draw.random() < 0.5:
        month = draw.randint(1, months)
        starts, _ = period(begun, month, JAKARTA)
        days = sorted(draw.sample(range(1, 25), draw.randint(1, 3)))
        changes = [drawn_change(draw, month, starts + timedelta(days=day), plans) for day in days]
        changes = [each for each in changes if each.at < at]
    last_starts, last_ends = period(begun, months, JAKARTA)
    ended = None
    if last_ends <= at:
        ended = last_ends
    elif draw.random() < 0.4:
        ended = min(at, last_starts + timedelta(days=26))
    return Past(
        user_id,
        draw.choice(plans),
        begun,
        price=draw.choice((0, 50_000, 50_000, 75_000)),
        months=months,
        free_months=frozenset({1}) if draw.random() < 0.2 else frozenset(),
        changes=tuple(changes),
        ended_at=ended,
        is_given_back=draw.random() < 0.2,
    )


def drawn_change(draw: random.Random, month: int, at: datetime, plans: Sequence[uuid.UUID]) -> Change:
    """A change of plan as it may be."""
    price, charged = draw.choice((20_000, 80_000, 90_000)), draw.choice((0, 500))
    return Change(month, at, price, draw.choice(plans), charged=charged, is_returned=draw.random() < 0.3)


def _change(
    subscription_id: uuid.UUID, number: int, price: int, plan_id: uuid.UUID, change: Change
) -> PlanChange:
    state = ChangeState.RETURNED if change.is_returned else ChangeState.DONE
    return PlanChange(
        subscription_id=subscription_id,
        number=number,
        state=state,
        is_upgrade=change.price > price,
        from_plan_id=plan_id,
        to_plan_id=change.plan_id,
        from_price=Rupiah(price),
        to_price=Rupiah(change.price),
        from_cpu_milli=1,
        from_memory_mb=1,
        period_number=change.month,
        days_left=1,
        period_days=30,
        quoted=Rupiah(change.charged - change.credited),
        charged=Rupiah(change.charged),
        credited=Rupiah(change.credited),
        refunded=Rupiah(change.charged if change.is_returned else 0),
        entry_id=new_id(),
        created_at=change.at,
        settled_at=change.at,
    )


def _without_triggers() -> None:
    session().execute(text("SET LOCAL session_replication_role = replica"))
