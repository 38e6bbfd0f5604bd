"""What charts of money show, as data for columns; a table beside each says the same. Pure.

What lies below zero is a series of its own with negative amounts: columns grow from zero in both directions.
"""

from collections.abc import Sequence
from datetime import date

from minispod.admin.charts import Chart, Grain, Series, Unit
from minispod.insights.forecast import DayOfRenewals
from minispod.insights.recurring import MonthOfRecurring
from minispod.insights.revenue import Money


def columns(grain: Grain, points: Sequence[date], series: Sequence[Series]) -> Chart | None:
    """A column for each point, its series upon each other; None when there is nothing to draw."""
    if not any(value for each in series for value in each.values):
        return None
    return Chart(Unit.RUPIAH, grain, points, series)


def recurring_columns(months: Sequence[MonthOfRecurring]) -> Chart | None:
    """MRR at the end of each month."""
    return columns(
        Grain.MONTH,
        [each.month for each in months],
        [Series("columns-total", [each.after.amount for each in months])],
    )


def movement_columns(months: Sequence[MonthOfRecurring]) -> Chart | None:
    """What came above zero, what went below it."""
    series = [
        Series("columns-new", [each.new.amount for each in months]),
        Series("columns-back", [each.reactivation.amount for each in months]),
        Series("columns-more", [each.expansion.amount for each in months]),
        Series("columns-less", [-each.contraction.amount for each in months]),
        Series("columns-lost", [-each.churn.amount for each in months]),
    ]
    return columns(Grain.MONTH, [each.month for each in months], series)


def forecast_columns(days: Sequence[DayOfRenewals]) -> Chart | None:
    """What is due each day: covered by credit, and not."""
    series = [
        Series("columns-total", [each.covered for each in days]),
        Series("columns-lost", [each.at_risk for each in days]),
    ]
    return columns(Grain.DAY, [each.day for each in days], series)


def earned_columns(days: Sequence[tuple[date, Money]]) -> Chart | None:
    """What was earned each day, oldest first; a day on which more went back than came lies below zero."""
    earned = [money.earned for _, money in days]
    series = [
        Series("columns-total", [max(0, each) for each in earned]),
        Series("columns-lost", [min(0, each) for each in earned]),
    ]
    return columns(Grain.DAY, [day for day, _ in days], series)
