"""Closing balances and adjustments that nobody confirmed. Short units of work, one batch each."""

import uuid
from datetime import timedelta

import structlog

from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import Ports
from minispod.rules import business_rules
from minispod.settings import Settings
from minispod.subscriptions.pricing import day_start
from minispod.wallet import adjusting, snapshots

log = structlog.get_logger()

_BATCH = 1000
# An entry written at midnight is committed by then: no transaction lives this long.
_SETTLED = timedelta(minutes=10)


def snapshot_wallets(ports: Ports, settings: Settings) -> None:
    """Write yesterday's closing balances unless they are there, then drop those that are too old."""
    at, zone = ports.clock.now(), business_rules(settings).zone
    until = day_start(at - _SETTLED, zone)
    day = (until - timedelta(seconds=1)).astimezone(zone).date()
    written = 0
    after: uuid.UUID | None = None
    while True:
        with unit_of_work():
            batch = snapshots.take(day, until=until, after=after, limit=_BATCH, at=at)
        written, after = written + batch.written, batch.last
        if after is None:
            break
    kept_from = day - timedelta(days=settings.operation.wallet_snapshot_days)
    dropped = _BATCH
    while dropped == _BATCH:
        with unit_of_work():
            dropped = snapshots.forget(before=kept_from, limit=_BATCH)
    if written:
        log.info("wallets.snapshots_taken", day=day.isoformat(), written=written)


def expire_adjustments(ports: Ports, settings: Settings) -> None:
    """Close adjustments that waited too long for their second confirmation."""
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        closed = adjusting.expire_overdue(actor=system("adjustments"), at=at)
    for adjustment in closed:
        log.info("adjustment.expired", adjustment_id=str(adjustment.id))
