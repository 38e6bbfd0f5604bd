"""Where a process may die while money moves: an inventory, like kernel/tasks.py.

Every commit of a money path and every call to the payment gateway is a named step, and the program says when it
stands before and after one. Nobody listens in production; the crash tests kill the process at each point and
see the books add up afterwards. A step without such a test fails them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple


class Step(StrEnum):
    """A commit of a money path, or a call to the gateway."""

    REGISTER = "register"
    REDEEM_COUPON = "redeem_coupon"

    ORDER = "order"
    CANCEL_SUBSCRIPTION = "cancel_subscription"
    CHANGE_PLAN = "change_plan"
    REFUND_CHARGE = "refund_charge"
    EXPIRE_SUBSCRIPTION = "expire_subscription"
    FAN_OUT_CALENDAR = "fan_out_calendar"
    ADVANCE = "advance"
    REVIVE = "revive"
    CLAIM_INSTANCE = "claim_instance"
    SETTLE_INSTANCE = "settle_instance"

    ADJUST = "adjust"
    APPROVE_ADJUSTMENT = "approve_adjustment"

    OPEN_TOPUP = "open_topup"
    ATTACH_CHECKOUT = "attach_checkout"
    REFUSE_CHECKOUT = "refuse_checkout"
    CLAIM_CANCEL = "claim_cancel"
    SETTLE_CANCEL = "settle_cancel"
    SETTLE_LOOK = "settle_look"
    CLAIM_ASK = "claim_ask"
    SETTLE_ASK = "settle_ask"
    CLAIM_REVIEW = "claim_review"
    ACCEPT_TOPUP = "accept_topup"
    CLOSE_TOPUP = "close_topup"
    ORDER_REFUND = "order_refund"
    CLAIM_REFUND = "claim_refund"
    SETTLE_REFUND = "settle_refund"

    KEEP_NOTICE = "keep_notice"
    LEAVE_NOTICE = "leave_notice"
    REPLAY_NOTICE = "replay_notice"
    CLAIM_NOTICE = "claim_notice"
    SETTLE_NOTICE = "settle_notice"
    FAN_OUT_TOPUPS = "fan_out_topups"
    CLAIM_POLL = "claim_poll"
    SETTLE_POLL = "settle_poll"

    ISSUE_PAPERS = "issue_papers"

    REPAIR_DIFFERENCE = "repair_difference"

    TAKE_WORK = "take_work"
    END_WORK = "end_work"

    ASK_CHECKOUT = "ask_checkout"
    ASK_STATUS = "ask_status"
    ASK_CANCEL = "ask_cancel"
    CLOSE_PAGE = "close_page"
    SEND_REFUND = "send_refund"


class Side(StrEnum):
    """On which side of a step the process stands."""

    BEFORE = "before"
    AFTER = "after"


class FaultPoint(NamedTuple):
    """One place to die at."""

    side: Side
    step: Step


Listener = Callable[[FaultPoint], None]

_listeners: list[Listener] = []


def every_point() -> list[FaultPoint]:
    """All fault points there are."""
    return [FaultPoint(side, step) for step in Step for side in Side]


def listen(listener: Listener) -> None:
    """Call `listener` at every point that is reached in this process from now on; for crash tests."""
    _listeners.append(listener)


@contextmanager
def around(step: Step | None) -> Iterator[None]:
    """Say that the process stands before, and then (unless it failed) after a step; None is no money path."""
    _reach(Side.BEFORE, step)
    yield
    _reach(Side.AFTER, step)


def _reach(side: Side, step: Step | None) -> None:
    if step is not None:
        for listener in _listeners:
            listener(FaultPoint(side, step))
