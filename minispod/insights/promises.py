"""One subscription as staff see it: periods, changes of plan, refunds, what could be given back, and what was done."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import aliased

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.audit import trail
from minispod.catalog.models import Plan
from minispod.insights.activity import Happening, named
from minispod.instances.models import Instance
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.kernel.paging import PageRequest
from minispod.subscriptions import changing, queries, refunding
from minispod.subscriptions.changing import Offer
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.subscriptions.rules import BusinessRules
from minispod.wallet.models import LedgerEntry

_TIMELINE = 30


@dataclass(frozen=True, slots=True)
class PaidPeriod:
    """A period with its plan and its entry in the ledger."""

    period: Period
    plan: Plan
    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class MadeChange:
    """A change of plan with both plans, and the entry that charged it."""

    change: PlanChange
    old: Plan
    new: Plan
    entry: LedgerEntry | None


@dataclass(frozen=True, slots=True)
class PromiseFile:
    """Everything about one subscription, the newest first."""

    subscription: Subscription
    owner: User
    instance: Instance | None
    periods: Sequence[PaidPeriod]
    changes: Sequence[MadeChange]
    refunds: Sequence[Refund]
    refundable: Rupiah
    offers: Sequence[Offer]
    timeline: Sequence[Happening]


def get_file(subscription_id: uuid.UUID, *, rules: BusinessRules, actor: Actor, at: datetime) -> PromiseFile:
    """Everything about one subscription; raise NoSuchSubscription."""
    owned = queries.get_subscription(subscription_id, actor=actor)
    subscription = owned.subscription
    lines = trail.search(
        PageRequest(1, _TIMELINE), subject_kind="subscription", subject_id=str(subscription.id)
    )
    return PromiseFile(
        subscription=subscription,
        owner=directory.get_user(subscription.user_id),
        instance=owned.instance,
        periods=_periods(subscription.id),
        changes=_changes(subscription.id),
        refunds=refunding.list_refunds(subscription.id),
        refundable=refunding.refundable(subscription.id),
        offers=changing.list_moves(subscription, rules=rules, at=at) if subscription.is_active else (),
        timeline=named(lines.items),
    )


def _periods(subscription_id: uuid.UUID) -> list[PaidPeriod]:
    rows = session().execute(
        select(Period, Plan, LedgerEntry)
        .join(Plan, Plan.id == Period.plan_id)
        .join(LedgerEntry, LedgerEntry.id == Period.entry_id)
        .where(Period.subscription_id == subscription_id)
        .order_by(Period.number.desc())
    )
    return [PaidPeriod(*row) for row in rows]


def _changes(subscription_id: uuid.UUID) -> list[MadeChange]:
    old, new = aliased(Plan), aliased(Plan)
    rows = session().execute(
        select(PlanChange, old, new, LedgerEntry)
        .join(old, old.id == PlanChange.from_plan_id)
        .join(new, new.id == PlanChange.to_plan_id)
        .outerjoin(LedgerEntry, LedgerEntry.id == PlanChange.entry_id)
        .where(PlanChange.subscription_id == subscription_id)
        .order_by(PlanChange.number.desc())
    )
    return [MadeChange(*row) for row in rows]
