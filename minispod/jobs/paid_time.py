"""Paid time is noted down, some subscriptions at a time. What that is, is decided in `subscriptions/paid_runs`."""

import structlog

from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings
from minispod.subscriptions import paid_runs

log = structlog.get_logger()

_BATCH = 500


def note_paid_time(ports: Ports, settings: Settings) -> None:
    """Note down what has no notes; what is locked just now waits for the next tick."""
    written, noted = 0, _BATCH
    while noted == _BATCH:
        with unit_of_work():
            noted = paid_runs.note(_BATCH)
        written += noted
    if written:
        log.info("subscriptions.paid_time_noted", count=written)
