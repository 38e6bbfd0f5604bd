"""How values read on the pages: money, times, sizes, states. Pure; the pages' only formatting."""

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from flask import Flask
from markupsafe import Markup

from minispod.admin import languages, pages
from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
from minispod.alerts.queries import count_open
from minispod.ports import current_ports, current_settings
from minispod.proof import wording as differences
from minispod.proof.models import ProofDifference

_TONES = {
    "good": (
        "RESOLVED",
        "ACTIVE",
        "RUNNING",
        "PAID",
        "SENT",
        "DONE",
        "COMPLETED",
        "READY",
        "HEALTHY",
        "JOINED",
        "TOP_UP",
        "APPLIED",
    ),
    "busy": (
        "ACKNOWLEDGED",
        "IN_PROGRESS",
        "PENDING",
        "PROVISIONING",
        "STARTING",
        "STOPPING",
        "RESTARTING",
        "UNDER_WAY",
        "QUEUED",
        "PENDING_PAYMENT",
        "ASKED",
        "WAITING",
        "WAITING_FOR_DNS",
        "VERIFIED",
        "APPLYING",
        "UNDER_WAY",
        "ENDING",
    ),
    "warn": (
        "WARNING",
        "HIGH",
        "OPEN",
        "GRACE",
        "REVIEW",
        "EXPIRED",
        "MAINTENANCE",
        "CORDONED",
        "PARTIALLY_REFUNDED",
        "REFUND",
        "SUSPENDED",
        "REFUNDED",
        "REVERSED",
        "RETURNED",
        "FAILING",
        "UNDONE",
        "OVERTAKEN",
        "KILLED",
    ),
    "bad": ("ERROR", "FAILED", "BLOCKED", "NOT_READY", "CHARGEBACK", "REFUSED", "TAKEN_OFF", "CRITICAL"),
}
_TONE_OF = {state: tone for tone, states in _TONES.items() for state in states}
_AMOUNTS = differences.AMOUNTS | {"debt", "price", "monthly_price"}
_PLAIN = {"": "nothing", "None": "nothing", "True": "yes", "False": "no", "[]": "nothing"}
_SILENT_FACTS = frozenset({"door"})
_LONGEST_FACT = 160
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STEPS = ((86_400, N_("%(n)s d")), (3_600, N_("%(n)s h")), (60, N_("%(n)s min")))
# As people of either language write them; the names of months and days are Babel's.
_PATTERNS = {
    "en": {
        "moment": "dd MMM y, HH:mm",
        "whole": "EEE dd MMM y, HH:mm:ss",
        "day": "dd MMM y",
        "weekday": "EEE dd MMM",
        "short": "dd MMM",
        "month": "MMM y",
        "long_month": "MMMM y",
        "month_name": "MMMM",
    },
    "id": {
        "moment": "d MMM y, HH.mm",
        "whole": "EEEE, d MMMM y, HH.mm.ss",
        "day": "d MMM y",
        "weekday": "EEE, d MMM",
        "short": "d MMM",
        "month": "MMM y",
        "long_month": "MMMM y",
        "month_name": "MMMM",
    },
}


def init_app(app: Flask) -> None:
    """Make the filters known to the templates."""
    app.jinja_env.globals["here"] = pages.here
    app.jinja_env.globals["wants_fragment"] = pages.wants_fragment
    app.jinja_env.globals["open_alerts"] = count_open
    app.jinja_env.filters.update(
        ago=ago,
        cores=cores,
        day=day,
        difference=difference,
        facts=facts,
        gigabytes=gigabytes,
        moment=moment,
        number=number,
        percent=percent,
        rupiah=rupiah,
        short_id=short_id,
        span=span,
        tone=tone,
        took=took,
        words=words,
    )


def tone(state: Any) -> str:
    """The colour family of a state; an unknown one is neutral."""
    return _TONE_OF.get(str(state), "idle")


def words(state: Any) -> str:
    """A state or action as people read it: "PARTIALLY_REFUNDED" -> "Partially refunded", "QRIS" stays."""
    return languages.state(languages.plain_words(str(state)))


def rupiah(amount: int) -> str:
    """An amount that is not broken at the end of a line: "Rp 1,250,000", in Indonesian "Rp 1.250.000"."""
    return f"{'-' if amount < 0 else ''}Rp\u00a0{languages.grouped(abs(amount))}"


def number(value: float | None) -> str:
    """A count with marks between thousands, or a number with the language's decimal mark."""
    if value is None:
        return "\u2014"
    return languages.grouped(value) if isinstance(value, int) else languages.decimal(str(value))


def day(when: date | None, form: str = "day") -> str:
    """A day of the business as a day, "weekday", "short" (without its year), "month", "long_month" or "month_name"."""
    spoken = languages.language()
    return format_date(when, _PATTERNS[spoken][form], locale=spoken) if when is not None else "\u2014"


def facts(details: Mapping[str, Any]) -> str:
    """The details of an audit entry in one line."""
    told = {name: value for name, value in details.items() if value not in (None, "", {}, [])}
    return ", ".join(
        f"{name.replace('_', ' ')} {_fact(name, value)}"[:_LONGEST_FACT]
        for name, value in told.items()
        if name not in _SILENT_FACTS
    )


def difference(found: ProofDifference) -> str:
    """What the proof knows of a difference, in one line."""
    return differences.tell(found.subject, found.facts, user_id=found.user_id, zone=_zone())


def span(length: timedelta) -> str:
    """A length of time in its two largest units: "3 h 20 min"."""
    seconds = int(abs(length.total_seconds()))
    parts = []
    for size, unit in _STEPS:
        if seconds >= size:
            parts.append(_(unit, n=seconds // size))
            seconds %= size
        elif parts:
            break
    return " ".join(parts[:2]) or _("%(n)s s", n=seconds)


def took(length: timedelta) -> str:
    """How long something short took: "40 ms", "2.5 s", "3 min 20 s"."""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def ago(at: datetime | None) -> Markup:
    """How long ago (or ahead) an instant is, with the instant itself behind it."""
    if at is None:
        return Markup("&mdash;")
    distance = current_ports().clock.now() - at
    if abs(distance) < timedelta(seconds=10):
        text = _("just now")
    else:
        length = _largest(distance)
        text = (
            _("%(length)s ago", length=length)
            if distance > timedelta(0)
            else _("in %(length)s", length=length)
        )
    return _time(at, text)


def moment(at: datetime | None) -> Markup:
    """An instant in the time zone of the business."""
    return _time(at, _at(at, "moment")) if at is not None else Markup("&mdash;")


def cores(milli: int | None) -> str:
    """Millicores as CPU: 250 -> "0.25", 12000 -> "12"."""
    return "?" if milli is None else languages.decimal(f"{milli / 1000:.2f}".rstrip("0").rstrip("."))


def gigabytes(megabytes: float | None) -> str:
    """Megabytes as people read them: 512 -> "512 MB", 65536 -> "64 GB"."""
    if megabytes is None:
        return "?"
    if megabytes < 1024:
        return f"{megabytes:.0f} MB"
    return languages.decimal(f"{megabytes / 1024:.1f}".removesuffix(".0")) + " GB"


def percent(part: float | None, whole: float | None) -> int:
    """A share in whole per cent, between 0 and 100; 0 where nothing is known."""
    return round(min(1.0, max(0.0, part / whole)) * 100) if part and whole else 0


def short_id(value: uuid.UUID | str | None) -> str:
    """The end of an id, enough to tell it apart (its beginning is the time)."""
    return f"…{str(value)[-8:]}" if value else "—"


def _fact(name: str, value: Any, *, is_change: bool = False) -> str:
    """One fact; of a change what was and what is."""
    if isinstance(value, Mapping):
        return "; ".join(
            f"{key.replace('_', ' ')} {_fact(key, each, is_change=True)}" for key, each in value.items()
        )
    if isinstance(value, list):
        mark = " \u2192 " if is_change or name == "changed" or name in _AMOUNTS else ", "
        return mark.join(_fact(name, each) for each in value)
    text = str(value)
    if name in _AMOUNTS and text.lstrip("-").isdecimal():
        return rupiah(int(text))
    if name == "rule":
        return words(text)
    if text in _PLAIN:
        return _PLAIN[text]
    if _INSTANT.fullmatch(text):
        return _at(datetime.fromisoformat(text), "moment")
    return short_id(text) if _ID.fullmatch(text) else text


def _largest(distance: timedelta) -> str:
    return " ".join(span(distance).split(" ")[:2])


def _at(at: datetime, form: str) -> str:
    spoken = languages.language()
    return format_datetime(at.astimezone(_zone()), _PATTERNS[spoken][form], locale=spoken)


def _zone() -> ZoneInfo:
    return ZoneInfo(current_settings().business.billing_timezone)


def _time(at: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{_at(at, 'whole')} {at.astimezone(_zone()):%Z}", text
    )
