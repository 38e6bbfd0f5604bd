"""Revenue: MRR and what moves it, cohorts, the forecast of renewals, and what was earned day by day; each as a file.

What each figure means is said in `insights/recurring`, `insights/forecast` and `insights/revenue`.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import Response, request

from minispod.admin import files, money_charts, pages
from minispod.admin.door import door
from minispod.insights import forecast, recurring, revenue, revenue_exports
from minispod.insights.spans import Span
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules

_LONGEST_MONTH = 31
_EARLIEST = date(2000, 1, 1)


class _Asked(NamedTuple):
    """The moment, the time zone of the business, and the service that is looked at, if one is."""

    at: datetime
    zone: ZoneInfo
    service_id: uuid.UUID | None


@door.get("/revenue")
def revenue_page() -> Any:
    """MRR now, month by month, and by plan."""
    at, zone, service_id = _asked()
    months = recurring.months(service_id=service_id, zone=zone, at=at)
    plans = recurring.by_plan(service_id=service_id, zone=zone, at=at)
    return pages.page_or_fragment(
        "admin/revenue/page.html",
        "admin/revenue/page.html",
        months=months,
        plans=plans,
        drawn=money_charts.recurring_columns(months),
        moved=money_charts.movement_columns(months),
        services=recurring.services(),
        service_id=service_id,
        zone=zone.key,
    )


@door.get("/revenue/months.csv")
def revenue_months_file() -> Response:
    """The months as a file."""
    at, zone, service_id = _asked()
    found = recurring.months(service_id=service_id, zone=zone, at=at)
    return files.as_csv("mrr", revenue_exports.months_sheet(found))


@door.get("/revenue/plans.csv")
def revenue_plans_file() -> Response:
    """The plans as a file."""
    at, zone, service_id = _asked()
    found = recurring.by_plan(service_id=service_id, zone=zone, at=at)
    return files.as_csv("mrr-by-plan", revenue_exports.plans_sheet(found))


@door.get("/revenue/cohorts")
def revenue_cohorts() -> Any:
    """What became of the customers of each month."""
    at, zone, service_id = _asked()
    return pages.page_or_fragment(
        "admin/revenue/cohorts.html",
        "admin/revenue/cohorts.html",
        cohorts=recurring.cohorts(service_id=service_id, zone=zone, at=at),
        services=recurring.services(),
        service_id=service_id,
    )


@door.get("/revenue/cohorts.csv")
def revenue_cohorts_file() -> Response:
    """The cohorts as a file."""
    at, zone, service_id = _asked()
    found = recurring.cohorts(service_id=service_id, zone=zone, at=at)
    return files.as_csv("cohorts", revenue_exports.cohorts_sheet(found))


@door.get("/revenue/forecast")
def revenue_forecast() -> Any:
    """The next 30 days' renewals, and whose credit does not cover them."""
    at, zone, _ = _asked()
    short = forecast.shortfalls(pages.page_request(), zone=zone, at=at)
    if pages.wants_fragment():
        return pages.page_or_fragment("", "admin/revenue/_shortfalls.html", found=short)
    days = forecast.by_day(zone=zone, at=at)
    return pages.page_or_fragment(
        "admin/revenue/forecast.html",
        "admin/revenue/_shortfalls.html",
        found=short,
        days=days,
        drawn=money_charts.forecast_columns(days),
        endings=forecast.endings(pages.first_page(), zone=zone, at=at),
    )


@door.get("/revenue/forecast.csv")
def revenue_forecast_file() -> Response:
    """The days as a file."""
    at, zone, _ = _asked()
    found = forecast.by_day(zone=zone, at=at)
    return files.as_csv("forecast", revenue_exports.forecast_sheet(found))


@door.get("/revenue/shortfalls.csv")
def revenue_shortfalls_file() -> Response:
    """Every shortfall as a file."""
    at, zone, _ = _asked()
    files.note_export("shortfalls")
    return files.as_csv("shortfalls", revenue_exports.shortfalls_sheet(zone=zone, at=at))


@door.get("/revenue/endings.csv")
def revenue_endings_file() -> Response:
    """Every subscription that ends by decision as a file."""
    at, zone, _ = _asked()
    files.note_export("endings")
    return files.as_csv("endings", revenue_exports.endings_sheet(zone=zone, at=at))


@door.get("/revenue/earned")
def revenue_earned() -> Any:
    """What was earned in one month, day by day and by service."""
    at, zone, _ = _asked()
    span = _month(zone, at)
    days = list(reversed(revenue.by_day(span, _LONGEST_MONTH)))
    return pages.page_or_fragment(
        "admin/revenue/earned.html",
        "admin/revenue/earned.html",
        days=days,
        total=sum((money for _, money in days), start=revenue.Money()),
        services=revenue.by_service(span),
        drawn=money_charts.earned_columns(days),
        month=span.first,
        months=[each.astimezone(zone).date() for each in reversed(recurring.month_begins(zone=zone, at=at))],
    )


@door.get("/revenue/days.csv")
def revenue_days_file() -> Response:
    """The days of one month as a file."""
    at, zone, _ = _asked()
    span = _month(zone, at)
    found = list(reversed(revenue.by_day(span, _LONGEST_MONTH)))
    name = f"revenue-{span.first:%Y-%m}"
    return files.as_csv(name, revenue_exports.days_sheet(found))


@door.get("/revenue/services.csv")
def revenue_services_file() -> Response:
    """What each service brought in one month, as a file."""
    at, zone, _ = _asked()
    span = _month(zone, at)
    found = revenue.by_service(span)
    return files.as_csv(f"revenue-by-service-{span.first:%Y-%m}", revenue_exports.services_sheet(found))


def _asked() -> _Asked:
    rules = business_rules(current_settings())
    try:
        service_id = uuid.UUID(request.args.get("service", ""))
    except ValueError:
        service_id = None
    return _Asked(current_ports().clock.now(), rules.zone, service_id)


def _month(zone: ZoneInfo, at: datetime) -> Span:
    """The days of the chosen month, up to today; nonsense and the future are the running one."""
    today = at.astimezone(zone).date()
    try:
        first = date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        first = today.replace(day=1)
    if not _EARLIEST <= first <= today:
        first = today.replace(day=1)
    last = (first + timedelta(days=_LONGEST_MONTH)).replace(day=1) - timedelta(days=1)
    return Span(first, min(last, today), zone)
