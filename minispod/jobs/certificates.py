"""Certificates of databases that end soon are made anew, and the databases started again with them."""

import structlog

from minispod.instances import exposing
from minispod.instances.controls import ensure_reconciled
from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings

log = structlog.get_logger()


def renew_certificates(ports: Ports, settings: Settings) -> None:
    """Renew a batch; the next run takes the next one, so that not all databases start again at once."""
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        renewed = exposing.renew_certificates(sealer=ports.sealer, actor=system("certificates"), at=at)
        for instance in sorted(renewed, key=lambda each: each.id):
            ensure_reconciled(instance, at)
    if renewed:
        log.info("certificates.renewed", instances=[instance.name for instance in renewed])
