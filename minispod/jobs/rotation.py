"""Change one credential of one instance: claim, carry out, settle."""

import uuid
from datetime import timedelta

from minispod.instances import rotation
from minispod.jobs.sealed import wait_for_key
from minispod.jobs.work import Work
from minispod.kernel.actor import system
from minispod.kernel.sealed import SealBroken
from minispod.kernel.unit_of_work import release_connection, unit_of_work


def rotate_secret(work: Work) -> timedelta | None:
    """One attempt; what is silent or does not run is asked again later."""
    instance_id = uuid.UUID(work.lease.args["instance_id"])
    actor, sealer = system("rotation"), work.ports.sealer
    try:
        with unit_of_work(work.ports.courier):
            order = rotation.claim(instance_id, sealer=sealer, actor=actor, at=work.now())
    except SealBroken:
        return wait_for_key(instance_id, work)
    if order is None:
        return None
    release_connection()
    refusal = rotation.carry_out(order, work.ports.cluster)
    with unit_of_work(work.ports.courier):
        return rotation.settle(order, refusal, sealer=sealer, actor=actor, at=work.now())
