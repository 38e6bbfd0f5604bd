"""How long the figures of revenue and the scoreboard take, over a ledger of many entries."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bench.grounds import application
from minispod.insights import forecast, movements, recurring, scoreboard, today
from minispod.insights.spans import PeriodName, last_days
from minispod.insights.transactions import TransactionsWanted
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.ports import current_settings
from minispod.rules import business_rules

_TIMES = 5


def measure(url: str) -> None:
    """Print the quickest of a few readings of each figure, in milliseconds."""
    app = application(url)
    with app.app_context():
        at, zone = datetime.now(UTC), business_rules(current_settings()).zone
        span, page = last_days(PeriodName.QUARTER, zone=zone, at=at), PageRequest(1, 25)
        reads: Mapping[str, Callable[[], object]] = {
            "MRR by month": lambda: recurring.months(zone=zone, at=at),
            "MRR by plan": lambda: recurring.by_plan(zone=zone, at=at),
            "MRR now": lambda: recurring.now(at=at),
            "cohorts": lambda: recurring.cohorts(zone=zone, at=at),
            "forecast by day": lambda: forecast.by_day(zone=zone, at=at),
            "shortfalls, a page": lambda: forecast.shortfalls(page, zone=zone, at=at),
            "orders of 90 days": lambda: scoreboard.orders(span, at=at),
            "uptime of 90 days": lambda: scoreboard.uptimes(span, target=99.5, at=at),
            "recoveries": lambda: scoreboard.recoveries(span, at=at),
            "renewals of 90 days": lambda: scoreboard.renewals(span, at=at),
            "ledger, a page": lambda: movements.list_movements(page, TransactionsWanted()),
            "ledger, a search": lambda: movements.list_movements(page, TransactionsWanted("TOPUP-77")),
            "today's money": lambda: today.business(zone=zone, at=at),
        }
        for name, read in reads.items():
            print(f"{name:22} {_quickest(read):8.1f} ms")


def _quickest(read: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMES):
        session().rollback()
        began = time.perf_counter()
        read()
        took.append((time.perf_counter() - began) * 1000)
    return min(took)
