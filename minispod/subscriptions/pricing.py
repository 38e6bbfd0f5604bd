"""Calendar and proration, pure: periods of one calendar month without drift (decision 8), parts of a price (11).

A period is counted from the anchor, not from the period before: 31 January, 28 February, 31 March.
Days are days of the billing time zone (Asia/Jakarta); instants go in and out in UTC. A part of an amount is
rounded once, half up, so it is off by half a rupiah at most: k parts of a period sum to its price within k/2.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from minispod.kernel.money import Rupiah


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


def days_of(starts: datetime, ends: datetime, zone: ZoneInfo) -> int:
    """Days of a period: the calendar days of `zone` between its ends, at least 1."""
    return max(1, (ends.astimezone(zone).date() - starts.astimezone(zone).date()).days)


def unused_days(end: datetime, at: datetime) -> int:
    """Whole days left until `end`: a begun day is used. Never negative."""
    return max(0, (end - at) // timedelta(days=1))


def part_of(amount: int, days: int, of_days: int) -> Rupiah:
    """The part of an amount that falls on `days` of `of_days`, rounded half up (away from zero below it).

    No day counts more than once: more days than there are is the whole, none is nothing.
    """
    counted = min(max(days, 0), of_days)
    size = (2 * abs(amount) * counted + of_days) // (2 * of_days)
    return Rupiah(size if amount >= 0 else -size)


def price_of_change(old: int, new: int, days_left: int, period_days: int) -> Rupiah:
    """What a change of plan costs for the rest of the period (decision 11); below zero is what it gives back.

    The one formula for quote and charge: (new - old) x days left / days of the period, rounded half up.
    """
    return part_of(new - old, days_left, period_days)


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
