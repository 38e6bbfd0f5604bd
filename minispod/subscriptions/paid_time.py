"""Stretches of paid time: which subscription brought what a month, from when until when. Reads only.

They are read from periods, plan changes and ends, which is the truth for what recurs (adr/0041): a stretch lies
within a period that was paid for, at one price. A month that is waived, or free by a coupon, is no paid time.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    FromClause,
    Subquery,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from minispod.subscriptions.models import Period, PlanChange, Subscription
from minispod.subscriptions.states import ChangeState


def stretches(
    service_id: uuid.UUID | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    which: ColumnElement[bool] | None = None,
) -> CTE:
    """All stretches, free ones among them: whose, of which plan, `since`, `until`, `price`, `is_paid`.

    None of them overlaps another of its subscription. An order whose money went back whole when it ended was
    never sold. With `since` and `until`, those are enough that lie in months between them; `which` says of what
    subscriptions.
    """
    changes = _changes(which)
    first = (
        select(
            changes.c.subscription_id,
            changes.c.period_number,
            func.min(changes.c.created_at).label("changed_at"),
        )
        .group_by(changes.c.subscription_id, changes.c.period_number)
        .subquery("first_change")
    )
    # A later run may begin before a month that staff cut short would have ended.
    over = func.least(
        Period.ends_at,
        Subscription.ended_at,
        case((Period.number < Subscription.anchor_period, Subscription.anchor_at)),
    )
    was_sold = or_(
        Period.charged == 0,
        Period.refunded < Period.charged,
        Subscription.ended_at.is_(None),
        Subscription.ended_at >= Period.ends_at,
    )
    whose = (
        Period.subscription_id,
        Subscription.user_id,
        Subscription.service_id,
    )
    begun = (
        select(
            *whose,
            Period.plan_id,
            Period.starts_at.label("since"),
            func.least(over, first.c.changed_at).label("until"),
            Period.price,
            (Period.charged > 0).label("is_paid"),
        )
        .join(Subscription, Subscription.id == Period.subscription_id)
        .outerjoin(
            first,
            and_(first.c.subscription_id == Period.subscription_id, first.c.period_number == Period.number),
        )
        .where(was_sold)
    )
    changed = (
        select(
            *whose,
            changes.c.to_plan_id,
            changes.c.created_at,
            func.least(over, changes.c.until),
            changes.c.to_price,
            or_(Period.charged > 0, changes.c.is_paid),
        )
        .join(Subscription, Subscription.id == Period.subscription_id)
        .join(
            changes,
            and_(
                changes.c.subscription_id == Period.subscription_id, changes.c.period_number == Period.number
            ),
        )
        .where(was_sold)
    )
    if service_id is not None:
        begun = begun.where(Subscription.service_id == service_id)
        changed = changed.where(Subscription.service_id == service_id)
    if which is not None:
        begun, changed = begun.where(which), changed.where(which)
    if since is not None:
        begun, changed = begun.where(Period.ends_at > since), changed.where(Period.ends_at > since)
    if until is not None:
        begun, changed = begun.where(Period.starts_at <= until), changed.where(Period.starts_at <= until)
    every = begun.union_all(changed).subquery("stretch")
    return select(every).where(every.c.until > every.c.since).cte("stretches")


def looks_before(instant: ColumnElement[datetime], looks: Sequence[datetime]) -> ColumnElement[int]:
    """How many of these instants (rising) lie before one; they are searched, not compared one by one."""
    moments = cast(list(looks), ARRAY(DateTime(timezone=True)))
    return func.width_bucket(instant - text("interval '1 microsecond'"), moments)


def covered(stretch: CTE, looks: Sequence[datetime]) -> Subquery:
    """The stretches once for each of these instants (rising) that lies in them, numbered by `place` from 0."""
    first, behind = looks_before(stretch.c.since, looks), looks_before(stretch.c.until, looks)
    place = func.generate_series(first, behind - 1).label("place")
    return select(stretch, place).where(behind > first).subquery("covered")


def pays(stretch: FromClause) -> ColumnElement[bool]:
    """Tell whether a stretch is one of paid time: neither free nor of a plan without a price."""
    return and_(stretch.c.is_paid, stretch.c.price > 0)


def _changes(which: ColumnElement[bool] | None) -> CTE:
    """The changes of plan that stood; `is_paid` when what they and those before them in the month cost was kept."""
    until, paid = (
        figure.over(
            partition_by=(PlanChange.subscription_id, PlanChange.period_number), order_by=PlanChange.number
        )
        for figure in (
            func.lead(PlanChange.created_at),
            func.sum(PlanChange.charged - PlanChange.credited),
        )
    )
    found = select(
        PlanChange.subscription_id,
        PlanChange.period_number,
        PlanChange.created_at,
        PlanChange.to_plan_id,
        PlanChange.to_price,
        (paid > 0).label("is_paid"),
        until.label("until"),
    ).where(PlanChange.state != ChangeState.RETURNED)
    if which is not None:
        found = found.where(PlanChange.subscription_id.in_(select(Subscription.id).where(which)))
    return found.cte("changes")
