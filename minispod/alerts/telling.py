"""Telling staff: one bulletin for all that is new at a moment, one mail of it each, one delivery to the webhook.

A thousand alerts at once are one mail that counts them. The bulletin, the mails and the work of delivering them are
written with the alerts themselves; an outage of mail or webhook delays the word and never loses the alert.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.alerts import wording
from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert, AlertBulletin, BulletinState
from minispod.audit import trail
from minispod.kernel import outbox
from minispod.kernel.actor import Role, system
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.languages import ENGLISH
from minispod.kernel.tasks import Task
from minispod.notifications import post
from minispod.notifications.messages import MessageKind

_LISTED = 100
_SHOWN_IN_MAIL = 20
# With pauses that grow to an hour (jobs/alerts) this is about two days.
_ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Delivery:
    """A bulletin that is on its way to the webhook."""

    id: uuid.UUID
    at: datetime
    content: dict[str, Any]
    attempts: int


def announce(
    raised: Sequence[Alert], ended: Sequence[Alert], *, at: datetime, is_audited: bool = False
) -> None:
    """Tell every active administrator and the webhook, in one word each, of what was raised and what has ended."""
    for row in raised:
        row.told_at = at
    bulletin_id = new_id()
    content = {
        "raised": [_told(row) for row in raised[:_LISTED]],
        "raisedTotal": len(raised),
        "ended": [_told(row) for row in ended[:_LISTED]],
        "endedTotal": len(ended),
    }
    session().add(AlertBulletin(id=bulletin_id, at=at, content=content))
    outbox.later(Task.POST_ALERTS, key=str(bulletin_id), at=at, bulletin_id=str(bulletin_id))
    if is_audited:
        _record(raised, ended, bulletin_id, at)
    kind, facts = letter(raised, ended)
    administrators = select(User).where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True))
    for user in session().scalars(administrators.order_by(User.id)):
        post.queue(
            kind,
            post.Recipient(user.name, user.email, user.id, user.language or ENGLISH),
            dedupe_key=f"alerts:{bulletin_id}:{user.id}",
            at=at,
            facts=facts,
        )


def claim(bulletin_id: uuid.UUID) -> Delivery | None:
    """Count an attempt and return what is to be delivered; None when that is over."""
    row: AlertBulletin | None = lock(AlertBulletin, bulletin_id)
    if row is None or row.state is not BulletinState.QUEUED:
        return None
    row.attempts += 1
    return Delivery(row.id, row.at, dict(row.content), row.attempts)


def settle(bulletin_id: uuid.UUID, state: BulletinState, *, at: datetime) -> None:
    """The webhook took it, or nobody wants it."""
    row: AlertBulletin | None = lock(AlertBulletin, bulletin_id)
    if row is not None:
        row.state, row.last_error = state, None
        row.sent_at = at if state is BulletinState.SENT else None


def settle_failed(bulletin_id: uuid.UUID, error: str) -> bool:
    """The webhook did not take it; True when it will be tried again."""
    row: AlertBulletin | None = lock(AlertBulletin, bulletin_id)
    if row is None:
        return False
    row.last_error = error[:300]
    if row.attempts >= _ATTEMPTS:
        row.state = BulletinState.FAILED
    return row.state is BulletinState.QUEUED


def _told(row: Alert) -> dict[str, Any]:
    words = wording.say(row.rule, row.subject_name, row.facts)
    return {
        "id": str(row.id),
        "rule": row.rule.value,
        "severity": row.severity.value,
        "subject": {"kind": row.subject_kind, "id": row.subject_id, "name": row.subject_name},
        "title": words.title,
        "sentence": words.sentence,
        "openedAt": row.opened_at.isoformat(),
        "endedAt": row.resolved_at.isoformat() if row.resolved_at else None,
    }


def _record(raised: Sequence[Alert], ended: Sequence[Alert], bulletin_id: uuid.UUID, at: datetime) -> None:
    """One line of the audit book for what the watch has found."""
    rows = [*raised, *ended]
    trail.record(
        system("alerts"),
        trail.Action.ALERT_RAISED if raised else trail.Action.ALERT_ENDED,
        at=at,
        subject_kind="alert",
        subject_id=rows[0].id if len(rows) == 1 else bulletin_id,
        raised=dict(Counter(row.rule.value for row in raised)),
        ended=dict(Counter(row.rule.value for row in ended)),
        about=", ".join(row.subject_name for row in rows[:_SHOWN_IN_MAIL]),
    )


def letter(raised: Sequence[Alert], ended: Sequence[Alert]) -> tuple[MessageKind, dict[str, Any]]:
    """Which mail it is: of the one alert that there is to tell of, or of many by rule."""
    if len(raised) == 1 and not ended:
        [row] = raised
        words = wording.say(row.rule, row.subject_name, row.facts)
        facts = {**row.facts, **words.as_facts(), "path": f"/admin/alerts/{row.id}"}
        return (
            MessageKind.PROOF_DIFFERS if row.rule is Rule.PROOF_DIFFERS else MessageKind.STAFF_ALERT
        ), facts
    facts = {
        "groups": _groups(raised),
        "ended_groups": _groups(ended),
        "total": len(raised),
        "ended": len(ended),
    }
    return MessageKind.STAFF_ALERT, facts


def _groups(rows: Sequence[Alert]) -> list[dict[str, Any]]:
    """The alerts by rule, the worst first; the first twenty of each by name."""
    by_rule: dict[Rule, list[Alert]] = {}
    for row in rows:
        by_rule.setdefault(row.rule, []).append(row)
    order = list(Rule)
    groups = []
    for rule in sorted(by_rule, key=order.index):
        some = sorted(by_rule[rule], key=lambda row: row.subject_name)
        names = [row.subject_name for row in some[:_SHOWN_IN_MAIL]]
        groups.append({"rule": rule.value, **wording.heading(rule), "total": len(some), "names": names})
    return groups
