"""Issue papers: give them their numbers and freeze seller, tax and language.

Runs in a unit of work of its own right after the money's commit, so that no transaction that moves money waits for a
counter (docs/adr/0018). Lock order: the counters of the month in the order of their names, then the waiting papers in
the order of their entries. Numbers follow each other without gaps, in the order of issue.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.papers.models import Paper, PaperCounter
from minispod.papers.rules import PaperRules
from minispod.papers.states import PaperKind
from minispod.papers.tax import split

log = structlog.get_logger(__name__)

BATCH = 500
"""How many papers one unit of work issues at most."""


def issue_waiting(*, rules: PaperRules, actor: Actor, at: datetime, limit: int = BATCH) -> int:
    """Issue up to `limit` opened papers, oldest entry first; returns how many. Harmless when repeated or parallel."""
    counters = _lock_counters(at, rules)
    at = _not_before(counters, at)
    waiting = _lock_waiting(limit)
    originals = _originals(waiting)
    for paper in waiting:
        original = originals.get(paper.corrects_id) if paper.corrects_id else None
        _issue(paper, original, counters[paper.kind], rules, at)
        _record(paper, actor, at)
    return len(waiting)


def issue_until(entry_ids: Sequence[uuid.UUID], *, rules: PaperRules, actor: Actor, at: datetime) -> None:
    """Issue whatever waits until the papers of these entries are among the issued; for a letter that carries them."""
    waiting = select(func.count()).where(Paper.entry_id.in_(entry_ids), Paper.number.is_(None))
    while session().scalar(waiting):
        issue_waiting(rules=rules, actor=actor, at=at)


def _lock_counters(at: datetime, rules: PaperRules) -> dict[PaperKind, PaperCounter]:
    month = at.astimezone(rules.zone).strftime("%Y%m")
    series = {kind: f"{kind.prefix}-{month}" for kind in PaperKind}
    values = [{"series": name, "last": 0} for name in sorted(series.values())]
    session().execute(insert(PaperCounter).values(values).on_conflict_do_nothing())
    rows = session().scalars(
        select(PaperCounter)
        .where(PaperCounter.series.in_(series.values()))
        .order_by(PaperCounter.series)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {row.series: row for row in rows}
    return {kind: found[name] for kind, name in series.items()}


def _not_before(counters: dict[PaperKind, PaperCounter], at: datetime) -> datetime:
    """`at`, unless somebody who looked at the clock later came first to the counters: dates rise with the numbers."""
    newest = session().scalar(
        select(func.max(Paper.issued_at)).where(
            tuple_(Paper.series, Paper.position).in_([(each.series, each.last) for each in counters.values()])
        )
    )
    return max(at, newest) if newest is not None else at


def _lock_waiting(limit: int) -> Sequence[Paper]:
    return (
        session()
        .scalars(
            select(Paper)
            .where(Paper.number.is_(None))
            .order_by(Paper.entry_number)
            .limit(limit)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        .all()
    )


def _originals(waiting: Sequence[Paper]) -> dict[uuid.UUID, Paper]:
    """What the waiting ones correct; an original has the lower entry number and is issued before, or just now."""
    ids = {paper.corrects_id for paper in waiting if paper.corrects_id}
    rows = session().scalars(select(Paper).where(Paper.id.in_(ids)).execution_options(populate_existing=True))
    return {row.id: row for row in rows}


def _issue(
    paper: Paper, original: Paper | None, counter: PaperCounter, rules: PaperRules, at: datetime
) -> None:
    rate = 0 if paper.kind is PaperKind.RECEIPT else rules.ppn_rate
    given_back = 0
    if original is not None:
        rate = original.tax_rate or 0
        given_back = credited(original.id)
        paper.corrects_number = original.number
    amounts = split(paper.total, rate, given_back=given_back)
    counter.last += 1
    paper.series = counter.series
    paper.position = counter.last
    paper.number = f"{counter.series}-{counter.last:06d}"
    paper.issued_at = at
    paper.seller = rules.seller.as_facts()
    paper.language = rules.language
    paper.time_zone = rules.zone.key
    paper.tax_rate = rate
    paper.net, paper.tax = Rupiah(amounts.net), Rupiah(amounts.tax)


def credited(paper_id: uuid.UUID) -> Rupiah:
    """What issued credit notes have given back of a paper."""
    total = session().scalar(
        select(func.coalesce(func.sum(Paper.total), 0)).where(
            Paper.corrects_id == paper_id, Paper.number.is_not(None)
        )
    )
    return Rupiah(int(total or 0))


def _record(paper: Paper, actor: Actor, at: datetime) -> None:
    trail.record(
        actor,
        trail.Action.PAPER_ISSUED,
        at=at,
        subject_kind="paper",
        subject_id=paper.id,
        number=paper.number,
        amount=int(paper.total),
        entry=paper.entry_code,
    )
    log.info("paper.issued", paper_id=str(paper.id), number=paper.number)
