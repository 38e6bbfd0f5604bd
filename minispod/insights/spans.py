"""The span of a report: whole days of the billing time zone, the last of them as far as it has come."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from minispod.insights.errors import BackwardsSpan


class PeriodName(StrEnum):
    """The spans that have a name on the wire; today is the last day of each."""

    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "1y"

    @property
    def days(self) -> int:
        """How many days it has."""
        return {"7d": 7, "30d": 30, "90d": 90, "1y": 365}[self.value]


@dataclass(frozen=True, slots=True)
class Span:
    """From the first instant of the first day up to, and without, `until`."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """Its first instant, in UTC."""
        return datetime.combine(self.first, time(), self.zone).astimezone(UTC)

    @property
    def until(self) -> datetime:
        """The first instant after it, in UTC."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone).astimezone(UTC)

    def newest_days(self, most: int) -> list[date]:
        """Its last days, the newest first, no more than `most`."""
        number = min(most, (self.last - self.first).days + 1)
        return [self.last - timedelta(days=back) for back in range(number)]


def last_days(name: PeriodName, *, zone: ZoneInfo, at: datetime) -> Span:
    """The span of this name that ends with the day of `at`."""
    today = at.astimezone(zone).date()
    return Span(today - timedelta(days=name.days - 1), today, zone)


def between(first: date | datetime, last: date | datetime, *, zone: ZoneInfo) -> Span:
    """The days from one to the other, both included; an instant stands for its day in `zone`. Raises BackwardsSpan."""
    span = Span(_day(first, zone), _day(last, zone), zone)
    if span.last < span.first:
        raise BackwardsSpan()
    return span


def wire_day(day: date) -> datetime:
    """A calendar day as the wire writes it: its midnight in UTC (a date alone breaks the front end's parser)."""
    return datetime.combine(day, time(), UTC)


def instant_of(value: date | datetime | None, *, zone: ZoneInfo, is_end: bool = False) -> datetime | None:
    """An instant as it is; of a day its first instant, or as an end its last."""
    if value is None or isinstance(value, datetime):
        return value
    day = Span(value, value, zone)
    return day.until - timedelta(microseconds=1) if is_end else day.since


def _day(value: date | datetime, zone: ZoneInfo) -> date:
    return value.astimezone(zone).date() if isinstance(value, datetime) else value
