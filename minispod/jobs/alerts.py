"""Watch for what needs staff, and deliver bulletins to the operator's webhook. What is an alert `alerts/` decides."""

import json
import uuid
from datetime import timedelta
from typing import Any

import structlog

from minispod.alerts import book, judging, telling
from minispod.alerts.errors import WebhookUnavailable
from minispod.alerts.models import BulletinState
from minispod.alerts.telling import Delivery
from minispod.insights import alarms
from minispod.jobs.work import Work
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.rules import alert_manners, alert_thresholds, backup_rules
from minispod.settings import Settings

log = structlog.get_logger()

_LONGEST_PAUSE = 3600


def watch_alerts(ports: Ports, settings: Settings) -> None:
    """Compare the book with the state of the business: raise, refresh, end, and tell staff of what is new."""
    at = ports.clock.now()
    late_after = timedelta(minutes=settings.alerts.alert_job_minutes)
    with unit_of_work(ports.courier):
        standing = book.begin()
        facts = alarms.read(backup_alarm=backup_rules(settings).alarm, late_after=late_after, at=at)
        subjects = frozenset((row.rule, row.subject_kind, row.subject_id) for row in standing)
        verdict = judging.judge(facts, alert_thresholds(settings), standing=subjects, at=at)
        changed = book.settle(standing, verdict, manners=alert_manners(settings), at=at)
    if changed.raised or changed.ended:
        log.warning("alerts.changed", raised=changed.raised, ended=changed.ended, told=changed.told)


def post_alerts(work: Work) -> timedelta | None:
    """Deliver one bulletin to the webhook; whatever is not taken is tried again for about two days."""
    bulletin_id = uuid.UUID(work.lease.args["bulletin_id"])
    with unit_of_work():
        delivery = telling.claim(bulletin_id)
    if delivery is None:
        return None
    if not work.ports.webhook.is_wanted:
        _settle(delivery, BulletinState.UNWANTED, work)
        return None
    body = json.dumps(_body(delivery, work.settings.own_url), separators=(",", ":")).encode()
    release_connection()
    try:
        work.ports.webhook.post(body, delivery_id=str(delivery.id), at=work.now())
    except WebhookUnavailable as problem:
        with unit_of_work():
            again = telling.settle_failed(bulletin_id, problem.message)
        return timedelta(seconds=min(_LONGEST_PAUSE, 5 * 2**delivery.attempts)) if again else None
    _settle(delivery, BulletinState.SENT, work)
    return None


def _settle(delivery: Delivery, state: BulletinState, work: Work) -> None:
    with unit_of_work():
        telling.settle(delivery.id, state, at=work.now())


def _body(delivery: Delivery, own_url: str) -> dict[str, Any]:
    """What the other side reads; each alert with the address of its page."""
    content = delivery.content
    lists = {
        name: [{**each, "url": f"{own_url}/admin/alerts/{each['id']}"} for each in content[name]]
        for name in ("raised", "ended")
    }
    return {"id": str(delivery.id), "at": delivery.at.isoformat(), **content, **lists}
