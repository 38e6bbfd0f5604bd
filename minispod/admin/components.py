"""The parts all pages are made of, each shown once: for whoever writes a page. Not in production."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import abort, render_template

from minispod.admin import money_charts
from minispod.admin.charts import Chart, Grain, Series, Unit
from minispod.admin.door import door
from minispod.kernel.paging import Page
from minispod.ports import current_settings

_STATES = ("ACTIVE", "PROVISIONING", "GRACE", "ERROR", "CANCELLED")
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_SHARES = (
    12,
    15,
    14,
    22,
    31,
    38,
    35,
    None,
    None,
    None,
    44,
    61,
    74,
    70,
    58,
    41,
    33,
    26,
    24,
    19,
    15,
    14,
    13,
    12,
)


@door.get("/_components")
def components() -> Any:
    """Show every macro of templates/admin/_macros.html as a page uses it."""
    if current_settings().is_production:
        abort(404)
    some = Page(_STATES, len(_STATES), page=1, limit=len(_STATES))
    return render_template("admin/components.html", some=some, lines=_lines(), columns=_columns())


def _lines() -> Chart:
    average = [None if share is None else share * 0.6 for share in _SHARES]
    points = [_BEGIN + timedelta(hours=hour) for hour in range(len(_SHARES))]
    series = [Series("requested", _SHARES), Series("used", average)]
    ends = (points[0], points[-1] + timedelta(hours=1))
    return Chart(Unit.PERCENT, Grain.MOMENT, points, series, "Asia/Jakarta", ends)


def _columns() -> Chart | None:
    months = [date(2026, number, 1) for number in range(6, 12)]
    series = [
        Series("columns-new", (900_000, 1_250_000, 800_000, 1_400_000, 2_100_000, 600_000)),
        Series("columns-more", (0, 150_000, 300_000, 0, 250_000, 80_000)),
        Series("columns-lost", (-200_000, 0, -450_000, -120_000, 0, -700_000)),
    ]
    return money_charts.columns(Grain.MONTH, months, series)
