"""Slots of a plan: one conditional update each, so that a plan is never oversold.

Lock order (docs/adr/0005): the plan comes last and is held shortest.
"""

import uuid
from typing import Any, cast

from sqlalchemy import CursorResult, func, update

from minispod.catalog.errors import PlanSoldOut
from minispod.catalog.models import Plan
from minispod.kernel.database import session


def reserve(plan_id: uuid.UUID) -> None:
    """Take one slot; raise PlanSoldOut when none is left."""
    if not _move(plan_id, +1):
        raise PlanSoldOut()


def release(plan_id: uuid.UUID) -> None:
    """Give one slot back; works for plans that are no longer sold. The caller does it once per reservation."""
    _move(plan_id, -1)


def move(from_plan_id: uuid.UUID, to_plan_id: uuid.UUID) -> None:
    """Give a slot of one plan back and take one of another; raise PlanSoldOut when none is left there."""
    steps = [(from_plan_id, release), (to_plan_id, reserve)]
    for plan_id, step in sorted(steps, key=lambda each: each[0]):  # in the order of ids, as everywhere
        step(plan_id)


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


def _move(plan_id: uuid.UUID, by: int) -> bool:
    bound = Plan.used_quota < Plan.total_quota if by > 0 else Plan.used_quota > 0
    changed = session().execute(
        update(Plan)
        .where(Plan.id == plan_id, bound)
        .values(used_quota=Plan.used_quota + by)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1
