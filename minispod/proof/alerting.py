"""Tell the administrators that something does not add up: one mail each per new set of differences."""

from collections.abc import Sequence

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.audit import trail
from minispod.kernel.actor import Actor, Role
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind
from minispod.proof.models import ProofRun

_SHOWN = 20


def call_staff(run: ProofRun, before: ProofRun | None, named: Sequence[str], *, actor: Actor) -> None:
    """Write it into the book and tell every active administrator; two runs at once tell the same thing once."""
    trail.record(
        actor,
        trail.Action.PROOF_DIFFERED,
        at=run.at,
        subject_kind="proof",
        subject_id=run.id,
        differences=run.differences,
        unfinished=run.unfinished,
        checks=list(named),
    )
    facts = {
        "differences": run.differences,
        "unfinished": run.unfinished,
        "checks": [
            {
                "promise": each["promise"],
                "differences": each["differences"],
                "is_finished": each["isFinished"],
            }
            for each in run.checks
            if each["differences"] or not each["isFinished"]
        ][:_SHOWN],
        "at": run.at.isoformat(),
    }
    since = before.id if before is not None else "first"
    administrators = session().scalars(
        select(User).where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True))
    )
    for user in administrators:
        post.queue(
            MessageKind.PROOF_DIFFERS,
            post.Recipient(user.name, user.email, user.id),
            dedupe_key=f"proof:{since}:{run.digest[:32]}:{user.id}",
            at=run.at,
            facts=facts,
        )
