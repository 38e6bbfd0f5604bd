"""Months of any anchor in any zone: they never drift, and periods follow one another without gap or overlap."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from minispod.subscriptions.pricing import add_months, day_start, days_until, month_start, period

JAKARTA = ZoneInfo("Asia/Jakarta")
ZONES = st.sampled_from(
    # Without and with summer time, half hours, a whole day left out (Apia, 2011), both sides of the date line.
    [
        JAKARTA,
        ZoneInfo("UTC"),
        ZoneInfo("Europe/Berlin"),
        ZoneInfo("America/New_York"),
        ZoneInfo("Australia/Lord_Howe"),
        ZoneInfo("Asia/Kathmandu"),
        ZoneInfo("Pacific/Apia"),
        ZoneInfo("Africa/Casablanca"),
        ZoneInfo("Pacific/Kiritimati"),
    ]
)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2080, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
NUMBERS = st.integers(1, 240)
few = settings(max_examples=300, deadline=None, print_blob=True)


@given(anchor=INSTANTS, number=NUMBERS, zone=ZONES)
@example(anchor=datetime(2024, 1, 31, 3, 0, tzinfo=UTC), number=1, zone=JAKARTA)
@example(anchor=datetime(2026, 10, 25, 0, 30, tzinfo=UTC), number=1, zone=ZoneInfo("Europe/Berlin"))
@few
def test_periods_tile_without_gap_or_overlap(anchor: datetime, number: int, zone: ZoneInfo) -> None:
    starts, ends = period(anchor, number, zone)

    assert starts < ends
    assert period(anchor, number + 1, zone)[0] == ends
    assert timedelta(days=26) < ends - starts < timedelta(days=33)


@given(anchor=INSTANTS, zone=ZONES)
@few
def test_the_first_period_begins_with_the_anchor(anchor: datetime, zone: ZoneInfo) -> None:
    assert period(anchor, 1, zone)[0] == anchor


@given(anchor=INSTANTS, months=st.integers(0, 240))
@few
def test_months_never_drift(anchor: datetime, months: int) -> None:
    local, later = anchor.astimezone(JAKARTA), add_months(anchor, months, JAKARTA).astimezone(JAKARTA)

    assert (later.year * 12 + later.month) - (local.year * 12 + local.month) == months
    assert later.day == min(local.day, monthrange(later.year, later.month)[1])
    assert later.timetz() == local.timetz()


@given(anchor=INSTANTS, months=st.integers(0, 240), zone=ZONES)
@few
def test_a_later_month_is_later_and_in_utc(anchor: datetime, months: int, zone: ZoneInfo) -> None:
    assert add_months(anchor, months, zone) < add_months(anchor, months + 1, zone)
    assert add_months(anchor, months, zone).tzinfo is UTC


@given(at=INSTANTS, seconds=st.integers(-400_000, 400_000))
@few
def test_days_left_are_begun_days_and_never_negative(at: datetime, seconds: int) -> None:
    left = days_until(at + timedelta(seconds=seconds), at)

    assert left >= 0
    if seconds > 0:
        assert (left - 1) * 86_400 < seconds <= left * 86_400
    else:
        assert left == 0


@given(at=INSTANTS)
@few
def test_day_and_month_begin_at_local_midnight(at: datetime) -> None:
    day, month = (start(at, JAKARTA).astimezone(JAKARTA) for start in (day_start, month_start))

    assert (day.hour, day.minute, day.second, day.microsecond) == (0, 0, 0, 0)
    assert (day.date(), month.date()) == (
        at.astimezone(JAKARTA).date(),
        at.astimezone(JAKARTA).date().replace(day=1),
    )
    assert timedelta(0) <= at - day < timedelta(days=1)
