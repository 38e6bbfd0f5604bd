"""The book itself: raising, refreshing and ending alerts, and telling staff of what is new.

Acts call `raise_one` in the transaction of their cause; the watch calls `begin`, reads its facts, and calls `settle`.
That order matters: an alert that an act raised after `begin` is not in the list that the facts may end.
An alert and the word about it are one commit, so that no crash comes between. Locks alerts only, last of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from minispod.alerts import telling
from minispod.alerts.judging import Finding, Subject, Verdict
from minispod.alerts.kinds import Rule, Severity
from minispod.alerts.models import Alert, AlertBulletin
from minispod.kernel.database import session
from minispod.kernel.ids import new_id

# Any number that no other advisory lock of this database uses.
_WATCH_LOCK = 3_700_020
_REFRESH_AFTER = timedelta(minutes=1)
_BATCH = 1000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Manners:
    """How often staff are told of the same.

    Of what flaps and was told of within `quiet` they are told only if it lasts beyond that. A critical alert that
    nobody has acknowledged is told again every `remind`; None: never.
    """

    quiet: timedelta
    remind: timedelta | None


@dataclass(frozen=True, slots=True)
class Changed:
    """What a look has changed: alerts raised, ended, and told of."""

    raised: int
    ended: int
    told: int


def raise_one(finding: Finding, *, at: datetime) -> None:
    """Open the alert, or refresh it; staff are told once of each occasion. Locks the alert.

    An occasion of an alert that is over is no news where a person said that it is over. Of what flaps, the next look
    judges whether to tell.
    """
    row, nature = _open_one(finding), finding.rule.nature
    was_told = row is None and (nature.flaps or not nature.ends_by_itself) and _was_told(finding)
    if was_told and not nature.ends_by_itself:
        return
    if row is None:
        _insert([finding], at)
        row = _open_one(finding)
    if row is None or finding.occasion in row.occasions:
        return
    _refresh(row, finding, at)
    row.occasions = [*row.occasions, finding.occasion]
    if not was_told and not row.is_silent(at):
        telling.announce([row], [], at=at)


def begin() -> Sequence[Alert]:
    """The open alerts; whoever watches at the same time waits until this transaction is over."""
    session().execute(select(func.pg_advisory_xact_lock(_WATCH_LOCK)))
    wanted = select(Alert).where(Alert.resolved_at.is_(None)).execution_options(populate_existing=True)
    return session().scalars(wanted).all()


def settle(standing: Sequence[Alert], verdict: Verdict, *, manners: Manners, at: datetime) -> Changed:
    """Open what is new, refresh what lasts, end what is over; tell staff once of all of it together."""
    found = {each.subject: each for each in verdict.findings}
    known = {_subject(row): row for row in standing}
    lasting = [row for row in standing if row.rule not in verdict.judged or _subject(row) in found]
    ended = [row for row in standing if row.rule in verdict.judged and _subject(row) not in found]
    for row in ended:
        row.resolved_at = max(at, row.opened_at)
    for subject in found.keys() & known.keys():
        _refresh(known[subject], found[subject], at)
    new = _insert([found[subject] for subject in found if subject not in known], at)
    to_tell = _worth_telling([*new, *lasting], manners, at)
    end_to_tell = [
        row for row in ended if row.rule.nature.tells_end and row.told_at and not row.is_silent(at)
    ]
    if to_tell or end_to_tell:
        telling.announce(to_tell, end_to_tell, at=at, is_audited=True)
    return Changed(len(new), len(ended), len(to_tell))


def end_others(rule: Rule, subject_kind: str, *, but: str | None, at: datetime) -> None:
    """An act knows that the open alerts of a rule are over, all but one."""
    wanted = select(Alert).where(
        Alert.rule == rule,
        Alert.subject_kind == subject_kind,
        Alert.subject_id != (but or ""),
        Alert.resolved_at.is_(None),
    )
    for row in session().scalars(wanted.with_for_update().execution_options(populate_existing=True)):
        row.resolved_at = max(at, row.opened_at)


def forget(*, before: datetime) -> None:
    """Remove alerts that were over, and bulletins that were written, before an instant."""
    session().execute(delete(Alert).where(Alert.resolved_at < before))
    session().execute(delete(AlertBulletin).where(AlertBulletin.at < before))


def _subject(row: Alert) -> Subject:
    return row.rule, row.subject_kind, row.subject_id


def _open_one(finding: Finding) -> Alert | None:
    wanted = select(Alert).where(
        Alert.rule == finding.rule,
        Alert.subject_kind == finding.subject_kind,
        Alert.subject_id == finding.subject_id,
        Alert.resolved_at.is_(None),
    )
    return session().scalar(wanted.with_for_update().execution_options(populate_existing=True))


def _was_told(finding: Finding) -> bool:
    """Tell whether an alert that is over, of the same rule and subject, had this occasion."""
    earlier = exists().where(
        Alert.rule == finding.rule,
        Alert.subject_kind == finding.subject_kind,
        Alert.subject_id == finding.subject_id,
        Alert.resolved_at.is_not(None),
        Alert.occasions.contains([finding.occasion]),
    )
    return bool(session().scalar(select(earlier)))


def _insert(findings: Sequence[Finding], at: datetime) -> list[Alert]:
    """Open alerts; what somebody else has opened meanwhile is left out. What was silenced before stays silent."""
    silences = _latest(func.max(Alert.silenced_until), Alert.silenced_until > at) if findings else {}
    rows = [
        {**_values(each, at), "silenced_until": silences.get(each.subject)}
        for each in sorted(findings, key=lambda each: each.subject)
    ]
    opened: list[Alert] = []
    for begins in range(0, len(rows), _BATCH):
        written = (
            insert(Alert)
            .values(rows[begins : begins + _BATCH])
            .on_conflict_do_nothing(
                index_elements=["rule", "subject_kind", "subject_id"], index_where=Alert.resolved_at.is_(None)
            )
            .returning(Alert)
        )
        opened += session().scalars(written)
    return opened


def _values(finding: Finding, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "rule": finding.rule,
        "severity": finding.rule.nature.severity,
        "subject_kind": finding.subject_kind,
        "subject_id": finding.subject_id,
        "subject_name": finding.name[:_LONGEST_NAME],
        "facts": finding.facts,
        "occasions": [],
        "opened_at": at,
        "last_seen_at": at,
    }


def _refresh(row: Alert, finding: Finding, at: datetime) -> None:
    """It lasts. What an act knew of it and a look does not know stays."""
    facts = {**row.facts, **finding.facts}
    if facts != row.facts or at - row.last_seen_at >= _REFRESH_AFTER:
        row.facts, row.last_seen_at = facts, max(at, row.last_seen_at)


def _worth_telling(rows: Sequence[Alert], manners: Manners, at: datetime) -> list[Alert]:
    """Those that staff should hear of now."""
    waking = [row for row in rows if row.acknowledged_at is None and not row.is_silent(at)]
    if not waking:
        return []
    # What was told of lately has ended later than that: this way an index finds it in the history.
    is_late = and_(Alert.told_at > at - manners.quiet, Alert.resolved_at > at - manners.quiet)
    lately = _latest(func.max(Alert.told_at), is_late)
    return [row for row in waking if _is_worth_telling(row, lately.get(_subject(row)), manners, at)]


def _is_worth_telling(row: Alert, told_before: datetime | None, manners: Manners, at: datetime) -> bool:
    if row.told_at is None:
        return told_before is None or not row.rule.nature.flaps
    if row.silenced_until is not None and row.told_at < row.silenced_until:
        return True  # its silence is over, and it is still there
    is_old = manners.remind is not None and at - row.told_at >= manners.remind
    return is_old and row.severity is Severity.CRITICAL


def _latest(figure: ColumnElement[Any], condition: ColumnElement[bool]) -> dict[Subject, datetime]:
    """By subject, a figure of those alerts that are over and meet a condition; lately there were few."""
    rows = session().execute(
        select(Alert.rule, Alert.subject_kind, Alert.subject_id, figure)
        .where(Alert.resolved_at.is_not(None), condition)
        .group_by(Alert.rule, Alert.subject_kind, Alert.subject_id)
    )
    return {(rule, kind, id_): latest for rule, kind, id_, latest in rows}
