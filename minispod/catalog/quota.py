"""Slots of a plan: one conditional update each, so that a plan is never oversold.

How many there are is set by staff, under the lock of the plan: never below those that are taken.

Lock order (docs/adr/0005): the plan comes last and is held shortest.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ScalarSelect, bindparam, func, select, update

from minispod.audit import trail
from minispod.catalog.errors import NoSuchPlan, PlanSoldOut, QuotaBelowUse, QuotasRefused
from minispod.catalog.models import Plan
from minispod.catalog.terms import PLAN, check
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, run, session, table_of
from minispod.kernel.errors import Refusal

_plans = table_of(Plan)
_OF_PLAN = update(_plans).where(_plans.c.id == bindparam("plan"))
_TAKE = _OF_PLAN.where(_plans.c.used_quota < _plans.c.total_quota).values(used_quota=_plans.c.used_quota + 1)
_GIVE_BACK = _OF_PLAN.where(_plans.c.used_quota > 0).values(used_quota=_plans.c.used_quota - 1)


def taken() -> ScalarSelect[int]:
    """What takes a slot of the plan `plan` in the statement that it is part of: 1, or 0 when none is left."""
    return select(func.count()).select_from(_TAKE.returning(_plans.c.id).cte("slot")).scalar_subquery()


def release(plan_id: uuid.UUID) -> None:
    """Give one slot back; works for plans that are no longer sold. The caller does it once per reservation."""
    _move(plan_id, -1)


def move(from_plan_id: uuid.UUID, to_plan_id: uuid.UUID) -> None:
    """Give a slot of one plan back and take one of another; raise PlanSoldOut when none is left there."""
    steps = [(from_plan_id, -1), (to_plan_id, +1)]
    for plan_id, by in sorted(steps):  # in the order of ids, as everywhere
        if not _move(plan_id, by) and by > 0:
            raise PlanSoldOut()


def restore(plan_id: uuid.UUID) -> bool:
    """Give back to its holder a slot that was taken away in vain; never refused.

    If the plan was sold out meanwhile it grows by this one slot, and the answer is False: somebody has to know.
    """
    if _move(plan_id, +1):
        return True
    session().execute(
        update(Plan)
        .where(Plan.id == plan_id)
        .values(
            used_quota=Plan.used_quota + 1, total_quota=func.greatest(Plan.total_quota, Plan.used_quota + 1)
        )
        .execution_options(synchronize_session=False)
    )
    return False


def set_total(plan_id: uuid.UUID, total: int, *, reason: str, actor: Actor, at: datetime) -> Plan:
    """Set how many slots a plan has; refuses NoSuchPlan, QuotaBelowUse and BadTermsOfSale. Locks the plan."""
    check(PLAN, {"total_quota": total})
    plan: Plan | None = lock(Plan, plan_id)
    if plan is None:
        raise NoSuchPlan("Service plan not found")
    check_total(plan, total)
    before, plan.total_quota, plan.updated_at = plan.total_quota, total, at
    trail.record(
        actor,
        trail.Action.PLAN_QUOTA_CHANGED,
        at=at,
        subject_kind="plan",
        subject_id=plan_id,
        changed={"total_quota": [before, total]},
        reason=reason,
    )
    return plan


def set_totals(totals: Mapping[uuid.UUID, int], *, reason: str, actor: Actor, at: datetime) -> Sequence[Plan]:
    """Set the slots of several plans, of all or of none; refuses QuotasRefused with what is wrong with each.

    Locks the plans in the order of their ids.
    """
    plans, problems = [], []
    for plan_id, total in sorted(totals.items()):
        try:
            plans.append(set_total(plan_id, total, reason=reason, actor=actor, at=at))
        except Refusal as refusal:
            problems.append({"planId": str(plan_id), "code": refusal.code, "message": refusal.message})
    if problems:
        raise QuotasRefused(validationErrors=problems)
    return plans


def check_total(plan: Plan, total: int) -> None:
    """Refuse QuotaBelowUse; the plan is locked."""
    if total < plan.used_quota:
        raise QuotaBelowUse(
            f"Cannot set quota to {total}. Currently {plan.used_quota} subscriptions are active.",
            usedQuota=plan.used_quota,
        )


def _move(plan_id: uuid.UUID, by: int) -> bool:
    session().flush()  # what is written so far goes first: whoever wants this plan waits from here on
    return run(_TAKE if by > 0 else _GIVE_BACK, {"plan": plan_id}).rowcount == 1
