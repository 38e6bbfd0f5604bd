"""Parts of a price: integers, rounded once, and the same for quote, charge and what is given back."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.subscriptions.pricing import days_of, days_until, part_of, period, price_of_change, unused_days

JAKARTA = ZoneInfo("Asia/Jakarta")
PRICES = st.integers(0, 10_000_000)
DAYS = st.integers(1, 400)


@st.composite
def parts(draw: st.DrawFn) -> tuple[int, int]:
    """Days left of the days of a period."""
    whole = draw(DAYS)
    return draw(st.integers(0, whole)), whole


@pytest.mark.parametrize(
    ("amount", "days", "of_days", "expected"),
    [
        (100_000, 30, 30, 100_000),
        (100_000, 20, 30, 66_667),
        (100_000, 10, 30, 33_333),
        (1, 1, 2, 1),
        (-1, 1, 2, -1),
        (3, 1, 2, 2),
        (100_000, 0, 30, 0),
        (100_000, 31, 30, 100_000),
        (100_000, -1, 30, 0),
        (-75_000, 30, 30, -75_000),
    ],
)
def test_a_part_is_rounded_half_up(amount: int, days: int, of_days: int, expected: int) -> None:
    assert part_of(amount, days, of_days) == expected


@given(PRICES, parts())
def test_a_part_is_half_a_rupiah_off_at_most(amount: int, part: tuple[int, int]) -> None:
    exact = Fraction(amount * part[0], part[1])

    assert abs(part_of(amount, *part) - exact) <= Fraction(1, 2)
    assert part_of(-amount, *part) == -part_of(amount, *part), "down gives back what up took"


@given(PRICES, PRICES, parts())
def test_an_upgrade_is_never_below_zero_and_never_above_the_difference(
    one: int, other: int, part: tuple[int, int]
) -> None:
    old, new = sorted((one, other))

    assert 0 <= price_of_change(old, new, *part) <= new - old
    assert price_of_change(old, new, part[1], part[1]) == new - old
    assert price_of_change(old, new, 0, part[1]) == 0


@given(PRICES, PRICES, DAYS)
def test_an_upgrade_never_grows_dearer_as_time_passes(one: int, other: int, whole: int) -> None:
    old, new = sorted((one, other))
    costs = [price_of_change(old, new, left, whole) for left in range(whole, -1, -1)]

    assert costs == sorted(costs, reverse=True)


@given(PRICES, st.lists(st.integers(1, 31), min_size=1, max_size=12))
def test_the_parts_of_a_period_sum_to_the_price_within_half_a_rupiah_each(
    price: int, days: list[int]
) -> None:
    whole = sum(days)

    assert abs(sum(part_of(price, each, whole) for each in days) - price) <= len(days) / 2


@given(PRICES, parts())
def test_what_is_used_and_what_is_left_are_the_whole_within_one_rupiah(
    price: int, part: tuple[int, int]
) -> None:
    left, whole = part

    assert abs(part_of(price, left, whole) + part_of(price, whole - left, whole) - price) <= 1


@given(st.integers(0, 6 * 365 * 24), st.integers(1, 24))
def test_a_period_has_the_days_of_its_month(hours: int, number: int) -> None:
    anchor = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    starts, ends = period(anchor, number, JAKARTA)
    days = days_of(starts, ends, JAKARTA)

    assert 28 <= days <= 31
    assert days_until(ends, starts) == unused_days(ends, starts) == days


@given(st.integers(1, 31 * 86_400))
def test_a_begun_day_is_charged_and_not_given_back(seconds: int) -> None:
    end = datetime(2026, 12, 20, 3, 0, tzinfo=UTC)
    at = end - timedelta(seconds=seconds)

    assert days_until(end, at) - unused_days(end, at) in (0, 1)
    assert (days_until(end, at) == unused_days(end, at)) == (seconds % 86_400 == 0)
    assert unused_days(end, end + timedelta(seconds=seconds)) == 0
