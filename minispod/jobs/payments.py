"""Settle notices that had to wait, and ask the gateway about top-ups by ourselves."""

import uuid
from datetime import timedelta

import structlog

from minispod.jobs.work import Work
from minispod.kernel.actor import system
from minispod.kernel.faultpoints import Step
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.payments import notices, polling, settling
from minispod.ports import Ports
from minispod.settings import Settings

log = structlog.get_logger(__name__)


def settle_notice(work: Work) -> timedelta | None:
    """Ask the gateway about a stored notice and settle it; a silent gateway means later."""
    with unit_of_work(step=Step.CLAIM_NOTICE):
        kept = notices.claim(uuid.UUID(work.lease.args["notice_id"]))
    if kept is None:
        return None
    release_connection()
    status = work.ports.gateway.status(kept.transaction_id)
    with unit_of_work(work.ports.courier, Step.SETTLE_NOTICE):
        settling.settle_notice(
            kept,
            status,
            merchant_id=work.settings.midtrans.midtrans_merchant_id,
            actor=system("notice settlement"),
            at=work.now(),
        )
    return None


def poll_topup(work: Work) -> timedelta | None:
    """Ask the gateway about one top-up and apply its answer; a silent gateway means later."""
    with unit_of_work(step=Step.CLAIM_POLL):
        look = polling.claim(uuid.UUID(work.lease.args["topup_id"]), at=work.now())
    if look is None:
        return None
    release_connection()
    status = polling.carry_out(look, work.ports.gateway)
    with unit_of_work(work.ports.courier, Step.SETTLE_POLL):
        settling.settle(
            look.order_id,
            status,
            merchant_id=work.settings.midtrans.midtrans_merchant_id,
            actor=system("payment poll"),
            at=work.now(),
        )
    return None


def fan_out_topups(ports: Ports, settings: Settings) -> None:
    """Ask for each top-up that is due, and for each notice whose settling was interrupted."""
    with unit_of_work(ports.courier, Step.FAN_OUT_TOPUPS):
        queued = polling.queue_due(ports.clock.now())
    if queued:
        log.info("topups.fanned_out", count=queued)
