"""The scoreboard: how well the shop keeps its promises over the last days, each figure with its meaning and cases."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.insights import scoreboard as board
from minispod.insights.spans import PeriodName, last_days
from minispod.ports import current_ports, current_settings
from minispod.rules import uptime_rules

_CHOICES = (PeriodName.WEEK, PeriodName.MONTH, PeriodName.QUARTER)


@door.get("/scoreboard")
def scoreboard() -> Any:
    """Everything that is measured, over the chosen days."""
    at, rules = current_ports().clock.now(), uptime_rules(current_settings())
    chosen = pages.chosen(PeriodName, "period")
    period = chosen if chosen in _CHOICES else PeriodName.MONTH
    span = last_days(period, zone=rules.zone, at=at)
    return pages.page_or_fragment(
        "admin/scoreboard/page.html",
        "admin/scoreboard/page.html",
        period=period,
        choices=_CHOICES,
        span_shown=span,
        orders=board.orders(span, at=at),
        uptimes=board.uptimes(span, target=rules.target, at=at),
        uptime_target=rules.target,
        recoveries=board.recoveries(span, at=at),
        renewals=board.renewals(span, at=at),
        answers=board.answers(span, at=at),
        used=board.utilisation(span, at=at),
        targets=board,
        at=at,
    )
