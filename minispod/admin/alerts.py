"""The alert book: what needs staff, with its next step; acknowledged, resolved or silenced here."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.alerts import acting, queries, wording
from minispod.alerts.errors import BadSilence
from minispod.alerts.kinds import Rule, Severity
from minispod.alerts.models import Alert, AlertState
from minispod.audit import trail
from minispod.insights.activity import named
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings

_SILENCES = {"1h": timedelta(hours=1), "8h": timedelta(hours=8), "1d": timedelta(days=1)}
_LONGEST_NOTE = 500
_LINES = PageRequest(1, 20)


@door.get("/alerts")
def alerts_list() -> Any:
    """List alerts; without a choice those that are not over."""
    search = pages.search_text()
    state = pages.chosen(AlertState, "state")
    severity, rule = pages.chosen(Severity, "severity"), pages.chosen(Rule, "rule")
    found = queries.find_alerts(
        pages.page_request(), state=state, severity=severity, rule=rule, search=search
    )
    return pages.page_or_fragment(
        "admin/alerts/page.html",
        "admin/alerts/_list.html",
        found=found,
        search=search,
        state=state,
        severity=severity,
        rule=rule,
        states=AlertState,
        severities=Severity,
        rules=[(each, wording.heading(each)["heading"]) for each in Rule],
        webhook=queries.undelivered(),
        say=words_of,
        next_step=next_step,
        at=current_ports().clock.now(),
    )


@door.get("/alerts/<alert_id>")
def alert(alert_id: str) -> Any:
    """Show one alert with its history and its next step."""
    listed = queries.get_alert(parse_id(alert_id))
    lines = trail.search(_LINES, subject_kind="alert", subject_id=str(listed.alert.id))
    return pages.page_or_fragment(
        "admin/alerts/one.html",
        "admin/alerts/_one.html",
        listed=listed,
        heading=wording.heading(listed.alert.rule)["heading"],
        earlier=queries.list_earlier(listed.alert),
        lines=named(lines.items),
        say=words_of,
        next_step=next_step,
        at=current_ports().clock.now(),
    )


@door.post("/alerts/<alert_id>/acknowledge")
def acknowledge_alert(alert_id: str) -> Any:
    """Take it up."""
    with unit_of_work():
        acting.acknowledge(
            parse_id(alert_id), note=_note(), actor=guard.actor(), at=current_ports().clock.now()
        )
    return _told("Acknowledged: nobody is called again about it.")


@door.post("/alerts/<alert_id>/resolve")
def resolve_alert(alert_id: str) -> Any:
    """End it by hand."""
    with unit_of_work():
        acting.resolve(parse_id(alert_id), note=_note(), actor=guard.actor(), at=current_ports().clock.now())
    return _told("Resolved. What is still so is raised anew.")


@door.post("/alerts/<alert_id>/silence")
def silence_alert(alert_id: str) -> Any:
    """Tell nobody of it for an hour, eight hours, a day, or until the end of a day."""
    at = current_ports().clock.now()
    with unit_of_work():
        acting.silence(parse_id(alert_id), _silence_until(at), actor=guard.actor(), at=at)
    return _told("Silenced: it is in the list, and nobody is told.")


def _told(sentence: str) -> Any:
    flash(sentence, "good")
    return pages.back("panel.alerts_list")


def words_of(row: Alert) -> wording.Words:
    """An alert in words."""
    return wording.say(row.rule, row.subject_name, row.facts)


def next_step(row: Alert) -> tuple[str, str]:
    """What to do about an alert, and where: the words of the button and its address."""
    if row.rule in (Rule.BACKUP_FAILED, Rule.BACKUP_OVERDUE, Rule.DELETION_WAITS, Rule.OPERATION_FAILED):
        return "Open its data", url_for("panel.instance_data", instance_id=row.subject_id)
    if row.rule is Rule.INSTANCE_RESTARTS:
        return "Read its logs", url_for("panel.instance_logs", instance_id=row.subject_id)
    if row.rule is Rule.VOLUME_FULL:
        return "See its use", url_for("panel.instance_usage", instance_id=row.subject_id)
    match row.subject_kind:
        case "instance":
            return "Open the instance", url_for("panel.instance", instance_id=row.subject_id)
        case "node":
            return "Open the node", url_for("panel.node", name=row.subject_id)
        case "topup":
            return "Open the top-up", url_for("panel.topup", topup_id=row.subject_id)
        case "proof":
            return "See the proof", url_for("panel.proof")
        case "mail":
            return "See the messages", url_for("panel.messages_list", state="QUEUED")
        case "cluster":
            return "See the nodes", url_for("panel.nodes")
        case _:
            return "See the jobs", url_for("panel.work")


def _note() -> str:
    return request.form.get("note", "").replace("\x00", "").strip()[:_LONGEST_NOTE]


def _silence_until(at: datetime) -> datetime:
    """The chosen end; a day ends with its last moment in the business's zone. Raises BadSilence."""
    length = _SILENCES.get(request.form.get("for", ""))
    if length is not None:
        return at + length
    zone = ZoneInfo(current_settings().business.billing_timezone)
    try:
        day = date.fromisoformat(request.form.get("until", ""))
        return datetime.combine(day, time(23, 59, 59), zone).astimezone(at.tzinfo)
    except (ValueError, OverflowError):
        raise BadSilence() from None
