"""Ask for one more proof, to be carried out by a job."""

from datetime import datetime

from sqlalchemy import func, select

from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task


def ask(*, actor: Actor, at: datetime) -> None:
    """Have the proof run at once; asking again while it waits is the same proof."""
    trail.record(actor, trail.Action.PROOF_REQUESTED, at=at, subject_kind="proof", subject_id="now")
    outbox.later(Task.PROVE_MONEY, key="now", at=at, cause="staff", asked_by=actor.name)


def is_asked() -> bool:
    """Tell whether a proof waits or is under way."""
    waiting = select(func.count()).select_from(OutboxRow).where(OutboxRow.task == Task.PROVE_MONEY)
    return bool(session().scalar(waiting))
