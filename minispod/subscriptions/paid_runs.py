"""Note down the paid time of subscriptions, so that years of it are read as a few rows each (adr/0050).

Nothing here says what paid time is: that is `paid_time`. Notes are no books: whatever has none is read from the
periods, and the database drops the notes of a subscription whose periods, changes of plan or ends change.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, literal, select

from minispod.kernel.database import session
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.paid_run_models import PaidRun
from minispod.subscriptions.paid_time import pays, stretches


def has_notes() -> ColumnElement[bool]:
    """Tell whether a subscription's paid time is noted down."""
    return select(PaidRun.subscription_id).where(PaidRun.subscription_id == Subscription.id).exists()


def note(limit: int) -> int:
    """Note down the paid time of at most so many subscriptions that have no notes, and say of how many.

    Locks them; those that somebody else holds are left for the next time.
    """
    locked = session().scalars(
        select(Subscription.id)
        .where(~has_notes())
        .order_by(Subscription.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Subscription)
    )
    ids = locked.all()
    if not ids:
        return 0
    # Read after the locks are held: who changes them next drops what is written here.
    without = ~has_notes() & Subscription.id.in_(ids)
    columns = [column.name for column in PaidRun.__table__.columns]
    session().execute(insert(PaidRun).from_select(columns, _runs(without)))
    empty = select(Subscription.id, literal(0), Subscription.user_id, Subscription.service_id).where(without)
    session().execute(insert(PaidRun).from_select(columns[:4], empty))
    return len(ids)


def _runs(which: ColumnElement[bool]) -> Select[Any]:
    """The paid stretches of these subscriptions, joined where one goes on from another at the same price."""
    stretch = stretches(which=which)
    until, price = (
        func.lag(each).over(partition_by=stretch.c.subscription_id, order_by=stretch.c.since)
        for each in (stretch.c.until, stretch.c.price)
    )
    goes_on = and_(until == stretch.c.since, price == stretch.c.price)
    begun = select(*stretch.c, goes_on.is_not(True).label("begins")).where(pays(stretch)).subquery("begun")
    number = (
        func.count()
        .filter(begun.c.begins)
        .over(partition_by=begun.c.subscription_id, order_by=begun.c.since)
        .label("number")
    )
    run = select(*begun.c, number).subquery("run").c
    whose = run.subscription_id, run.number, run.user_id, run.service_id
    return select(*whose, func.min(run.since), func.max(run.until), func.min(run.price)).group_by(*whose)
