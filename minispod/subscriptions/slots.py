"""Count a plan's taken slots anew from its live subscriptions. Lock: the plan.

Whoever takes or gives back a slot changes the plan's row in the same transaction as the subscription, so what is
counted under the lock of that row is right: an act under way either shows in both or in neither.
"""

import uuid
from datetime import datetime

from sqlalchemy import func, select

from minispod.audit import trail
from minispod.catalog.errors import NoSuchPlan
from minispod.catalog.models import Plan
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.subscriptions.errors import MoreLiveThanSlots, NothingToRecount
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import LIVE


def recount(plan_id: uuid.UUID, *, actor: Actor, at: datetime) -> Plan:
    """Set the counter to the number of live subscriptions.

    Refuses NoSuchPlan, NothingToRecount, MoreLiveThanSlots.
    """
    plan: Plan | None = lock(Plan, plan_id)
    if plan is None:
        raise NoSuchPlan()
    held = session().scalar(
        select(func.count())
        .select_from(Subscription)
        .where(Subscription.plan_id == plan_id, Subscription.status.in_(LIVE))
    )
    live, before = int(held or 0), plan.used_quota
    if live == before:
        raise NothingToRecount()
    if live > plan.total_quota:
        raise MoreLiveThanSlots(live=live, slots=plan.total_quota)
    plan.used_quota = live
    plan.updated_at = at
    trail.record(
        actor,
        trail.Action.PLAN_RECOUNTED,
        at=at,
        subject_kind="plan",
        subject_id=plan_id,
        changed={"used_quota": [before, live]},
    )
    return plan
