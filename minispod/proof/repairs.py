"""The few differences that may be repaired by a button: where only a figure is wrong that others say better.

Never ledger entries. The act itself is in the package that owns the figure, takes its own lock and looks again;
here it is found, done once, and written into the book. Lock order: the difference, then whatever the act locks.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock
from minispod.kernel.tasks import Task
from minispod.promotions import recounting
from minispod.proof import coupon_checks, subscription_checks, wallet_checks
from minispod.proof.errors import NoSuchDifference, NotRepairable, RepairedAlready
from minispod.proof.models import ProofDifference
from minispod.subscriptions import live_sizes, slots
from minispod.wallet import rebuilding


@dataclass(frozen=True, slots=True)
class Repair:
    """What a button does, in words, and the act behind it."""

    label: str
    explanation: str
    act: Callable[..., Any]


_REBUILD = Repair(
    "Compute from the ledger",
    "Balance, debt and totals of this wallet are computed anew from its entries. The entries are looked at first: if "
    "their chain has a break, nothing is changed. The change is written into the audit book.",
    rebuilding.rebuild,
)
_RECOUNT = Repair(
    "Count again",
    "The plan's counter is set to the number of its live subscriptions at this moment. The change is written into the "
    "audit book.",
    slots.recount,
)
_RECOUNT_SIZES = Repair(
    "Count instances again",
    "The notes of all sizes are replaced by a count of the live instances at this moment. The change is written into "
    "the audit book.",
    live_sizes.repair,
)
_RECOUNT_USES = Repair(
    "Count uses again",
    "The coupon's counter is set to the number of its uses that stand at this moment. The change is written into the "
    "audit book.",
    recounting.recount,
)

REPAIRS: Mapping[str, Repair] = {
    wallet_checks.BALANCE.name: _REBUILD,
    wallet_checks.DEBT.name: _REBUILD,
    wallet_checks.TOTALS.name: _REBUILD,
    subscription_checks.SLOTS.name: _RECOUNT,
    subscription_checks.SIZES.name: _RECOUNT_SIZES,
    coupon_checks.USES.name: _RECOUNT_USES,
}
"""By the name of the check whose differences it repairs."""


def repair(difference_id: uuid.UUID, *, actor: Actor, at: datetime) -> ProofDifference:
    """Repair one difference once and have the proof run again.

    Refuses NoSuchDifference, NotRepairable, RepairedAlready, and what the act refuses: it looks for itself.
    """
    found: ProofDifference | None = lock(ProofDifference, difference_id)
    if found is None:
        raise NoSuchDifference()
    known = REPAIRS.get(found.check)
    if known is None:
        raise NotRepairable()
    if found.repaired_at is not None:
        raise RepairedAlready()
    known.act(uuid.UUID(found.subject_id), actor=actor, at=at)
    found.repaired_at = at
    found.repaired_by = actor.name[:120]
    trail.record(
        actor,
        trail.Action.PROOF_REPAIRED,
        at=at,
        subject_kind="proof",
        subject_id=found.run_id,
        check=found.check,
        of=found.subject_id,
    )
    outbox.later(Task.PROVE_MONEY, key="repaired", at=at, cause="repair", asked_by=actor.name)
    return found
