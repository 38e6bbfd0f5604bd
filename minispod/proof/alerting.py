"""Tell the administrators that something does not add up: one alert per new set of differences."""

from collections.abc import Sequence

from minispod.alerts import book
from minispod.alerts.judging import Finding
from minispod.alerts.kinds import Rule
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.proof.models import ProofRun

_SHOWN = 20


def call_staff(run: ProofRun, named: Sequence[str], *, actor: Actor) -> None:
    """Write it into both books; two runs at once tell the same thing once."""
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
    book.raise_one(
        Finding(Rule.PROOF_DIFFERS, "proof", run.digest, "the nightly proof", facts, occasion="found"),
        at=run.at,
    )
