"""Calendar rules, pure: periods of one calendar month without drift (decision 8).

A period is counted from the anchor, not from the period before: 31 January, 28 February, 31 March.
Days are days of the billing time zone (Asia/Jakarta); instants go in and out in UTC.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def add_months(anchor: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The instant `months` calendar months after `anchor` in `zone`; a missing day becomes the month's last."""
    local = anchor.astimezone(zone)
    index = local.year * 12 + local.month - 1 + months
    year, month = divmod(index, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def period(anchor: datetime, number: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end of the period with this number (from 1)."""
    return add_months(anchor, number - 1, zone), add_months(anchor, number, zone)


def days_until(end: datetime, at: datetime) -> int:
    """Days left until `end`, begun days counted whole, never negative."""
    return max(0, -((at - end) // timedelta(days=1)))


def month_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the month of `at` in `zone`."""
    local = at.astimezone(zone)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def week_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the week of `at` in `zone`; weeks begin on Monday."""
    monday = at.astimezone(zone) - timedelta(days=at.astimezone(zone).weekday())
    return day_start(monday, zone)


def year_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the year of `at` in `zone`."""
    return month_start(at.astimezone(zone).replace(month=1, day=1), zone)


def day_start(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the day of `at` in `zone`."""
    local = at.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
