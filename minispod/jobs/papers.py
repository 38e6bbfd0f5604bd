"""Number papers right after the money's commit, and complete what has none."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

import structlog

from minispod.jobs.work import Work
from minispod.kernel.actor import system
from minispod.kernel.faultpoints import Step
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers import issuing, opening, queries
from minispod.papers.models import Paper
from minispod.ports import Ports
from minispod.rules import paper_rules
from minispod.settings import Settings

log = structlog.get_logger()

_CLERK = system("papers")
_ROUNDS = 20


def issue_papers(work: Work) -> timedelta | None:
    """Issue what waits; when a whole batch was waiting, there may be more."""
    with unit_of_work(work.ports.courier, Step.ISSUE_PAPERS):
        issued = issuing.issue_waiting(rules=paper_rules(work.settings), actor=_CLERK, at=work.now())
    return timedelta(0) if issued >= issuing.BATCH else None


def complete_papers(ports: Ports, settings: Settings) -> None:
    """Open and issue the papers of entries that have none, a bounded number of batches per run."""
    at, rules = ports.clock.now(), paper_rules(settings)
    opened = 0
    for _ in range(_ROUNDS):
        with unit_of_work(ports.courier, Step.ISSUE_PAPERS):
            found = opening.open_missing(at=at)
        opened += found
        with unit_of_work(ports.courier, Step.ISSUE_PAPERS):
            issued = issuing.issue_waiting(rules=rules, actor=_CLERK, at=at)
        if not found and issued < issuing.BATCH:
            break
    if opened:
        log.info("papers.completed", opened=opened)


def papers_of(entry_ids: Sequence[uuid.UUID], work: Work) -> Sequence[Paper]:
    """The papers of these ledger entries, numbered now if that has not happened yet; for letters that carry them."""
    if not entry_ids:
        return ()
    with unit_of_work(work.ports.courier, Step.ISSUE_PAPERS):
        issuing.issue_until(entry_ids, rules=paper_rules(work.settings), actor=_CLERK, at=work.now())
    return queries.of_entries(entry_ids)
