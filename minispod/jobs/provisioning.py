"""Bring instances to what is wanted: claim, carry out, settle."""

import uuid
from datetime import timedelta

import structlog

from minispod.instances import provisioning
from minispod.jobs.sealed import wait_for_key
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.actor import system
from minispod.kernel.faultpoints import Step
from minispod.kernel.sealed import SealBroken
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.rules import business_rules, cluster_rules
from minispod.subscriptions import fulfilment

log = structlog.get_logger()

_PATIENCE_SECONDS = 12


def _others_wait(work: Work) -> bool:
    """Nobody's first start waits behind a pod that takes its time."""
    with unit_of_work():
        waits = outbox.waits(work.lease.task, work.now())
    release_connection()
    return waits


def reconcile_instance(work: Work) -> timedelta | None:
    """One round for one instance; asks to be called again while it is on its way."""
    instance_id = uuid.UUID(work.lease.args["instance_id"])
    rules = cluster_rules(work.settings)
    actor = system("provisioning")
    try:
        with unit_of_work(work.ports.courier, Step.CLAIM_INSTANCE):
            order = provisioning.claim(instance_id, rules=rules, sealer=work.ports.sealer, at=work.now())
    except SealBroken:
        return wait_for_key(instance_id, work)
    if order is None:
        return None
    release_connection()
    outcome = provisioning.carry_out(
        order,
        work.ports.cluster,
        patience=_PATIENCE_SECONDS,
        is_needed_elsewhere=lambda: _others_wait(work),
    )
    with unit_of_work(work.ports.courier, Step.SETTLE_INSTANCE):
        settlement = fulfilment.conclude(
            order,
            outcome,
            rules=rules,
            zone=business_rules(work.settings).zone,
            actor=actor,
            at=work.now(),
        )
    log.info("instance.reconciled", instance_id=str(instance_id), result=settlement.result.value)
    return settlement.again_after
