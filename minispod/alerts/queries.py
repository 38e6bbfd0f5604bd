"""Reads of the alert book, for staff."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from minispod.accounts.models import User
from minispod.alerts.errors import NoSuchAlert
from minispod.alerts.kinds import Rule, Severity
from minispod.alerts.models import Alert, AlertBulletin, AlertState, BulletinState
from minispod.kernel.database import first_of, page_of, session
from minispod.kernel.paging import Page, PageRequest

_taker = aliased(User)
_ender = aliased(User)
_WORST_FIRST = case({each.value: place for place, each in enumerate(Severity)}, value=Alert.severity)
_EARLIER_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """One alert, with the names of who took it up and who ended it."""

    alert: Alert
    taken_by: str | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Bulletins that the webhook has not taken: how many wait or were given up, and what it last said."""

    waiting: int
    given_up: int
    last_error: str | None


def find_alerts(
    page: PageRequest,
    *,
    state: AlertState | None = None,
    severity: Severity | None = None,
    rule: Rule | None = None,
    search: str = "",
) -> Page[Listed]:
    """A page of the book, the worst and newest first; without a state those that are not over.

    `search` looks into what they are about.
    """
    wanted = _joined()
    wanted = wanted.where(_is(state) if state is not None else Alert.resolved_at.is_(None))
    if severity is not None:
        wanted = wanted.where(Alert.severity == severity)
    if rule is not None:
        wanted = wanted.where(Alert.rule == rule)
    if search:
        columns = (Alert.subject_name, Alert.subject_id)
        wanted = wanted.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    order = (Alert.resolved_at.desc(),) if state is AlertState.RESOLVED else (_WORST_FIRST,)
    found: Page[Listed] = page_of(
        wanted.order_by(*order, Alert.opened_at.desc(), Alert.id.desc()), page, shape=lambda row: Listed(*row)
    )
    return found


def get_alert(alert_id: uuid.UUID) -> Listed:
    """One alert; raise NoSuchAlert."""
    row = session().execute(_joined().where(Alert.id == alert_id)).one_or_none()
    if row is None:
        raise NoSuchAlert()
    return Listed(*row)


def list_earlier(alert: Alert) -> Sequence[Alert]:
    """The other alerts of the same rule and subject, the newest first; twenty at most."""
    wanted = select(Alert).where(
        Alert.rule == alert.rule,
        Alert.subject_kind == alert.subject_kind,
        Alert.subject_id == alert.subject_id,
        Alert.id != alert.id,
    )
    return session().scalars(wanted.order_by(Alert.opened_at.desc()).limit(_EARLIER_SHOWN)).all()


def list_calling(at: datetime, *, but: Collection[Rule] = (), limit: int) -> Page[Alert]:
    """The alerts that nobody has taken up and nobody silenced, the worst first; rules in `but` are left out."""
    wanted = select(Alert).where(
        _is(AlertState.OPEN),
        or_(Alert.silenced_until.is_(None), Alert.silenced_until <= at),
        Alert.rule.not_in(but),
    )
    order = (_WORST_FIRST, Alert.opened_at.desc(), Alert.id.desc())
    found: Page[Alert] = first_of(wanted.order_by(*order), limit)
    return found


def count_open() -> int:
    """How many alerts nobody has taken up."""
    return session().scalar(select(func.count()).select_from(Alert).where(_is(AlertState.OPEN))) or 0


def undelivered() -> Undelivered:
    """How the webhook fares."""
    state, newest = AlertBulletin.state, AlertBulletin.last_error
    behind = and_(state == BulletinState.QUEUED, newest.is_not(None))
    waiting, given_up, error = (
        session()
        .execute(
            select(
                func.count().filter(behind),
                func.count().filter(state == BulletinState.FAILED),
                func.max(newest).filter(behind),
            )
        )
        .one()
    )
    return Undelivered(waiting, given_up, error)


def _joined() -> Select[Alert, str, str]:
    return (
        select(Alert, _taker.name, _ender.name)
        .outerjoin(_taker, _taker.id == Alert.acknowledged_by)
        .outerjoin(_ender, _ender.id == Alert.resolved_by)
        .execution_options(populate_existing=True)
    )


def _is(state: AlertState) -> ColumnElement[bool]:
    if state is AlertState.RESOLVED:
        return Alert.resolved_at.is_not(None)
    taken_up = Alert.acknowledged_at.is_not(None)
    return and_(Alert.resolved_at.is_(None), taken_up if state is AlertState.ACKNOWLEDGED else ~taken_up)
