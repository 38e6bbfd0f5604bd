"""States of an adjustment, and what may follow what. Pure; no database."""

from enum import StrEnum

from minispod.kernel.lifecycle import Lifecycle


class AdjustmentState(StrEnum):
    """Where an adjustment is."""

    PENDING = "PENDING"
    APPLIED = "APPLIED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


ADJUSTMENT_LIFECYCLE = Lifecycle(
    "adjustment",
    {
        AdjustmentState.PENDING: frozenset(
            {AdjustmentState.APPLIED, AdjustmentState.DECLINED, AdjustmentState.EXPIRED}
        ),
        AdjustmentState.APPLIED: frozenset(),
        AdjustmentState.DECLINED: frozenset(),
        AdjustmentState.EXPIRED: frozenset(),
    },
)
