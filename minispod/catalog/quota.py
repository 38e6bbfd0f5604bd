"""Slots of a plan: one conditional update each, so that a plan is never oversold.

Lock order (docs/adr/0005): the plan comes last and is held shortest.
"""

import uuid
from typing import Any, cast

from sqlalchemy import CursorResult, update

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


def _move(plan_id: uuid.UUID, by: int) -> bool:
    bound = Plan.used_quota < Plan.total_quota if by > 0 else Plan.used_quota > 0
    changed = session().execute(
        update(Plan)
        .where(Plan.id == plan_id, bound)
        .values(used_quota=Plan.used_quota + by)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1
