"""What staff do with an alert: take it up, end it, or have it be silent for a while. Each locks the alert."""

import uuid
from datetime import datetime, timedelta

from minispod.alerts.errors import AlertOver, BadSilence, NoSuchAlert
from minispod.alerts.models import Alert
from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock

_LONGEST_SILENCE = timedelta(days=90)
_LONGEST_NOTE = 500


def acknowledge(alert_id: uuid.UUID, *, note: str = "", actor: Actor, at: datetime) -> Alert:
    """Take it up: it stays until it is over, and nobody is told again. Refuses AlertOver; twice: only the note."""
    row = _locked(alert_id)
    if row.resolved_at is not None:
        raise AlertOver()
    if row.acknowledged_at is None:
        row.acknowledged_at, row.acknowledged_by = at, actor.user_id
    elif not note:
        return row
    row.note = note[:_LONGEST_NOTE] or row.note
    _record(row, trail.Action.ALERT_ACKNOWLEDGED, actor, at, note=row.note)
    return row


def resolve(alert_id: uuid.UUID, *, note: str = "", actor: Actor, at: datetime) -> Alert:
    """End it by hand; what is still so is raised anew by the next look. Twice is harmless."""
    row = _locked(alert_id)
    if row.resolved_at is None:
        row.resolved_at, row.resolved_by = max(at, row.opened_at), actor.user_id
        row.note = note[:_LONGEST_NOTE] or row.note
        _record(row, trail.Action.ALERT_RESOLVED, actor, at, note=row.note)
    return row


def silence(alert_id: uuid.UUID, until: datetime, *, actor: Actor, at: datetime) -> Alert:
    """Tell nobody of it until then, even if it ends and comes back. Refuses AlertOver and BadSilence."""
    row = _locked(alert_id)
    if row.resolved_at is not None:
        raise AlertOver()
    if not at < until <= at + _LONGEST_SILENCE:
        raise BadSilence()
    row.silenced_until = until
    _record(row, trail.Action.ALERT_SILENCED, actor, at, until=until.isoformat())
    return row


def _locked(alert_id: uuid.UUID) -> Alert:
    row: Alert | None = lock(Alert, alert_id)
    if row is None:
        raise NoSuchAlert()
    return row


def _record(row: Alert, action: trail.Action, actor: Actor, at: datetime, **details: object) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="alert",
        subject_id=row.id,
        rule=row.rule.value,
        about=row.subject_name,
        **details,
    )
