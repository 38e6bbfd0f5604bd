"""What charts show, as data: shares with their gaps, and columns that grow from zero in both directions."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from minispod.admin import charts, money_charts
from minispod.cluster.history import NodePoint
from minispod.insights.forecast import DayOfRenewals
from minispod.insights.recurring import MonthOfRecurring, Share
from minispod.insights.revenue import Money
from minispod.instances.usage.history import History, Measure, Point, Range

STYLES = (Path(__file__).parents[2] / "static" / "css" / "admin.css").read_text(encoding="utf-8")
JAKARTA = ZoneInfo("Asia/Jakarta")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _reading(before: timedelta, used: int | None, *, given: int = 4000) -> NodePoint:
    return NodePoint(NOW - before, given, 1000, used, 8192, 4096, None)


def _node(readings: list[NodePoint], what: str = "cpu") -> dict[str, Any]:
    return charts.node_lines(readings, what, since=NOW - DAY, until=NOW, zone=JAKARTA).as_data()


def _values(data: dict[str, Any]) -> dict[str, list[Any]]:
    return {each["key"]: each["values"] for each in data["series"]}


def test_a_node_is_shown_by_the_average_of_what_was_read_in_each_part_of_the_span():
    minute = timedelta(minutes=1)
    data = _node([_reading(DAY, 400), _reading(2 * minute, 1000), _reading(minute, 2000)])

    used = _values(data)["used"]
    assert (used[0], used[-1], len(used)) == (10.0, 37.5, 96)
    assert used[1:-1] == [None] * 94
    assert _values(data)["requested"][0] == 25.0
    assert data["points"][1] - data["points"][0] == 15 * 60
    assert data["ends"] == [(NOW - DAY).timestamp(), NOW.timestamp()]
    assert (data["unit"], data["grain"], data["zone"]) == ("percent", "moment", "Asia/Jakarta")


def test_a_reading_at_either_edge_of_the_span_is_in_it():
    used = _values(_node([_reading(DAY + timedelta(hours=5), 400), _reading(timedelta(0), 800)]))["used"]

    assert (used[0], used[-1]) == (10.0, 20.0)


def test_what_was_not_measured_or_cannot_be_given_is_a_gap():
    data = _node([_reading(DAY, None), _reading(timedelta(hours=1), 400, given=0)])

    assert set(_values(data)["used"]) == {None}
    assert set(_values(_node([_reading(DAY, 400)], "memory"))["used"]) == {None}


def _history(*cpu: Measure | None, limit: int = 500) -> History:
    hour = timedelta(hours=1)
    points = [Point(NOW + number * hour, each, None, None) for number, each in enumerate(cpu)]
    return History(Range.DAY, hour, points, limit, 1024, 0)


def test_usage_is_most_and_average_in_per_cent_of_the_plan():
    chart = charts.usage_lines(
        _history(Measure(10, 123, 400), None, Measure(0, 600, 700)), "cpu", zone=JAKARTA
    )

    assert chart is not None
    assert _values(chart.as_data()) == {"requested": [80.0, None, 140.0], "used": [24.6, None, 120.0]}
    assert chart.as_data()["ends"] == [NOW.timestamp(), (NOW + timedelta(hours=3)).timestamp()]
    assert [point for point, _ in chart.rows()] == [NOW + timedelta(hours=2), NOW]


@pytest.mark.parametrize("what", ["memory", "storage"])
def test_of_what_is_not_known_there_is_no_chart(what: str):
    assert charts.usage_lines(_history(Measure(1, 1, 1)), what, zone=JAKARTA) is None


def _month(**moved: int) -> MonthOfRecurring:
    names = ("before", "after", "new", "reactivation", "expansion", "contraction", "churn")
    shares = {name: Share(moved.get(name, 0), int(name in moved)) for name in names}
    return MonthOfRecurring(month=date(2026, 11, 1), is_running=True, **shares)


def test_what_went_lies_below_zero():
    chart = money_charts.movement_columns(
        [_month(new=5, reactivation=4, expansion=3, contraction=2, churn=1)]
    )

    assert chart is not None
    assert _values(chart.as_data()) == {
        "columns-new": [5],
        "columns-back": [4],
        "columns-more": [3],
        "columns-less": [-2],
        "columns-lost": [-1],
    }
    assert (chart.as_data()["points"], chart.as_data()["grain"]) == (["2026-11-01"], "month")


def test_a_day_that_gave_back_more_than_it_charged_lies_below_zero():
    days = [(date(2026, 11, 1), Money(charged=500)), (date(2026, 11, 2), Money(charged=100, given_back=400))]
    chart = money_charts.earned_columns(days)

    assert chart is not None
    assert _values(chart.as_data()) == {"columns-total": [500, 0], "columns-lost": [0, -300]}
    assert chart.as_data()["points"] == ["2026-11-01", "2026-11-02"]


def test_where_nothing_moved_there_is_nothing_to_draw():
    assert money_charts.recurring_columns([_month(), _month()]) is None
    assert money_charts.earned_columns([(date(2026, 11, 1), Money(charged=5, given_back=5))]) is None


def test_every_series_has_its_look_in_the_style_sheet():
    drawn = [
        money_charts.recurring_columns([_month(after=1)]),
        money_charts.movement_columns([_month(new=1)]),
        money_charts.forecast_columns([DayOfRenewals(day=date(2026, 11, 1), due=3, covered=1)]),
        money_charts.earned_columns([(date(2026, 11, 1), Money(charged=5))]),
        charts.usage_lines(_history(Measure(1, 1, 1)), "cpu", zone=JAKARTA),
        charts.node_lines([], "cpu", since=NOW - DAY, until=NOW, zone=JAKARTA),
    ]
    styled = set(re.findall(r"\.key\.([a-z-]+) \{ background", STYLES))

    assert None not in drawn
    assert {each.key for chart in drawn if chart for each in chart.series} == styled
