"""Columns for charts of money, as rectangles of an SVG drawing. A macro draws them, a table says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from minispod.admin.wording import day as written
from minispod.insights.forecast import DayOfRenewals
from minispod.insights.recurring import MonthOfRecurring
from minispod.insights.revenue import Money

WIDTH = 600
HEIGHT = 160
_GAP = 0.25


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a column; `kind` is its class in the style sheet."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Columns:
    """A drawing: its pieces, where zero lies, what the highest column is, and what stands at both ends of the axis."""

    bars: Sequence[Bar]
    zero: float
    highest: int
    first: str
    last: str
    width: int = WIDTH
    height: int = HEIGHT


Piece = tuple[str, int]


def columns(
    labels: Sequence[str], upward: Sequence[Sequence[Piece]], downward: Sequence[Sequence[Piece]] = ()
) -> Columns | None:
    """Stack each column's pieces up from zero and down from it; None when there is nothing to draw."""
    down = downward or [[] for _ in upward]
    top = max((sum(amount for _, amount in column) for column in upward), default=0)
    bottom = max((sum(amount for _, amount in column) for column in down), default=0)
    if top + bottom == 0:
        return None
    scale, step = HEIGHT / (top + bottom), WIDTH / len(upward)
    zero = top * scale
    bars = []
    for number, (above, below) in enumerate(zip(upward, down, strict=True)):
        x, width = (number + _GAP / 2) * step, (1 - _GAP) * step
        edge = zero
        for kind, amount in above:
            edge -= amount * scale
            bars.append(_bar(kind, x, edge, width, amount * scale))
        edge = zero
        for kind, amount in below:
            bars.append(_bar(kind, x, edge, width, amount * scale))
            edge += amount * scale
    drawn = [bar for bar in bars if bar.height > 0]
    return Columns(drawn, round(zero, 1), top, labels[0], labels[-1])


def recurring_columns(months: Sequence[MonthOfRecurring]) -> Columns | None:
    """MRR at the end of each month."""
    return columns(_names(months), [[("total", each.after.amount)] for each in months])


def movement_columns(months: Sequence[MonthOfRecurring]) -> Columns | None:
    """What came above zero, what went below it."""
    came = [
        [
            ("new", each.new.amount),
            ("back", each.reactivation.amount),
            ("more", each.expansion.amount),
        ]
        for each in months
    ]
    went = [[("less", each.contraction.amount), ("lost", each.churn.amount)] for each in months]
    return columns(_names(months), came, went)


def forecast_columns(days: Sequence[DayOfRenewals]) -> Columns | None:
    """What is due each day: covered by credit, and not."""
    pieces = [[("total", each.covered), ("lost", each.at_risk)] for each in days]
    return columns([written(each.day, "short") for each in days], pieces)


def earned_columns(days: Sequence[tuple[date, Money]]) -> Columns | None:
    """What was earned each day, oldest first; a day on which more went back than came lies below zero."""
    labels = [written(day, "short") for day, _ in days]
    above = [[("total", max(0, money.earned))] for _, money in days]
    below = [[("lost", max(0, -money.earned))] for _, money in days]
    return columns(labels, above, below)


def _names(months: Sequence[MonthOfRecurring]) -> list[str]:
    return [written(each.month, "month") for each in months]


def _bar(kind: str, x: float, y: float, width: float, height: float) -> Bar:
    return Bar(kind, round(x, 1), round(y, 1), round(width, 1), round(height, 1))
