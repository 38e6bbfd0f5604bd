"""The runs of the proof: written down with what they found, listed, forgotten after a while."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import case, delete, func, select

from minispod.alerts import book
from minispod.alerts.kinds import Rule
from minispod.kernel.actor import Actor
from minispod.kernel.database import page_of, session
from minispod.kernel.ids import new_id
from minispod.kernel.paging import Page, PageRequest
from minispod.proof import alerting
from minispod.proof.checks import CHECKS
from minispod.proof.errors import NoSuchRun
from minispod.proof.models import ProofDifference, ProofRun
from minispod.proof.proving import Proof

log = structlog.get_logger(__name__)

# A night that was missed is noticed on the day after it.
_LATE_AFTER = timedelta(hours=36)
_PLACE = case({check.name: place for place, check in enumerate(CHECKS)}, value=ProofDifference.check)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the money stands by the last proof; `run` is None while there was none."""

    run: ProofRun | None
    is_late: bool
    open: int

    @property
    def is_calm(self) -> bool:
        """Tell whether nobody has to look."""
        return not self.is_late and (self.run is None or (self.open == 0 and self.run.unfinished == 0))


def record(proof: Proof, *, cause: str, asked_by: str, actor: Actor) -> ProofRun:
    """Write down a proof; staff are told once of each new set of differences."""
    before = latest()
    run = ProofRun(
        id=new_id(),
        cause=cause,
        asked_by=asked_by[:120],
        at=proof.at,
        seconds=proof.seconds,
        differences=proof.differences,
        unfinished=proof.unfinished,
        digest=proof.digest,
        checks=[finding.figures() for finding in proof.findings],
    )
    session().add(run)
    session().flush()  # the differences refer to the row
    session().add_all(
        ProofDifference(
            run_id=run.id,
            check=each.check,
            subject=each.subject,
            subject_id=each.subject_id[:120],
            user_id=each.user_id,
            facts=dict(each.facts),
        )
        for finding in proof.findings
        for each in finding.kept
    )
    if before is None or before.digest != run.digest:
        book.end_others(Rule.PROOF_DIFFERS, "proof", but=None if run.is_clean else run.digest, at=run.at)
        if not run.is_clean:
            alerting.call_staff(run, proof.named, actor=actor)
    log.info(
        "proof.done", run_id=str(run.id), differences=run.differences, unfinished=run.unfinished, cause=cause
    )
    return run


def latest() -> ProofRun | None:
    """The newest run."""
    return session().scalar(select(ProofRun).order_by(ProofRun.at.desc(), ProofRun.id.desc()).limit(1))


def standing(at: datetime) -> Standing:
    """What the newest run says, less what was repaired since."""
    run = latest()
    if run is None:
        return Standing(None, is_late=False, open=0)
    repaired = session().scalar(
        select(func.count())
        .select_from(ProofDifference)
        .where(ProofDifference.run_id == run.id, ProofDifference.repaired_at.is_not(None))
    )
    return Standing(run, is_late=run.at < at - _LATE_AFTER, open=run.differences - int(repaired or 0))


def is_due(at: datetime, *, hour: int, zone: ZoneInfo) -> bool:
    """Tell whether the proof of the last night has not been made yet; the night begins at `hour` in `zone`."""
    local = at.astimezone(zone)
    night = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if night > local:
        night -= timedelta(days=1)
    run = latest()
    return run is None or run.at < night


def list_runs(page: PageRequest) -> Page[ProofRun]:
    """List runs for staff, newest first."""
    return page_of(select(ProofRun).order_by(ProofRun.at.desc(), ProofRun.id.desc()), page)


def get_run(run_id: uuid.UUID) -> ProofRun:
    """One run; raise NoSuchRun."""
    run = session().get(ProofRun, run_id, populate_existing=True)
    if run is None:
        raise NoSuchRun()
    return run


def list_differences(run_id: uuid.UUID, page: PageRequest) -> Page[ProofDifference]:
    """What a run found, check by check in the order of the table."""
    return page_of(
        select(ProofDifference)
        .where(ProofDifference.run_id == run_id)
        .order_by(_PLACE, ProofDifference.check, ProofDifference.subject_id, ProofDifference.id),
        page,
    )


def forget(*, before: datetime) -> None:
    """Remove runs from before an instant, with their differences; the newest always stays."""
    newest = select(ProofRun.id).order_by(ProofRun.at.desc(), ProofRun.id.desc()).limit(1)
    session().execute(delete(ProofRun).where(ProofRun.at < before, ProofRun.id != newest.scalar_subquery()))
