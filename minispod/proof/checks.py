"""What is proven: the registry of checks. Adding one is one entry in `CHECKS`.

A check is a query that yields one row per difference and nothing while all is well. Its first columns are
`subject_id` (what is wrong) and `user_id` (whose it is, may be NULL); every further column is a fact that is
shown, stored and part of what makes two differences the same. So no fact may change by the mere passing of
time. Queries are plain SQL on purpose: an audit reads the tables, not the program's idea of them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from minispod.payments.states import CREDITED
from minispod.proof import (
    adjustment_checks,
    coupon_checks,
    paper_checks,
    subscription_checks,
    topup_checks,
    wallet_checks,
)
from minispod.proof.check import Check
from minispod.subscriptions.states import LIVE
from minispod.wallet.models import CHARGE_REFUNDS, REVERSALS

CHECKS: tuple[Check, ...] = (
    *wallet_checks.CHECKS,
    *topup_checks.CHECKS,
    *subscription_checks.CHECKS,
    *coupon_checks.CHECKS,
    *adjustment_checks.CHECKS,
    *paper_checks.CHECKS,
)

# The calendar and the gateway's notices are worked on every half minute; this much later is a fault.
_CALENDAR_SLACK = timedelta(minutes=15)
_NOTICE_SLACK = timedelta(days=1)
# Papers are numbered at once and looked for every hour; adjustments expire every quarter of one.
_PAPER_SLACK = timedelta(days=1)
_CLOSING_SLACK = timedelta(hours=1)


def values_at(at: datetime) -> Mapping[str, Any]:
    """What queries may name, as `:credited` for example."""
    return {
        "at": at,
        "soon": at + _CALENDAR_SLACK,
        "overdue": at - _CALENDAR_SLACK,
        "undecided": at - _NOTICE_SLACK,
        "unpapered": at - _PAPER_SLACK,
        "unclosed": at - _CLOSING_SLACK,
        "credited": [state.value for state in sorted(CREDITED)],
        "live": [status.value for status in LIVE],
        "refunds": [kind.value for kind in sorted(CHARGE_REFUNDS)],
        "reversals": [kind.value for kind in sorted(REVERSALS)],
    }


def find_check(name: str) -> Check | None:
    """The check of this name; None when this version has none."""
    return next((check for check in CHECKS if check.name == name), None)
