"""What a job does when no key opens the secrets of its instance: it waits, and staff are told."""

import uuid
from datetime import timedelta

from minispod.jobs.work import Work
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import fulfilment

_PAUSE = timedelta(minutes=5)


def wait_for_key(instance_id: uuid.UUID, work: Work) -> timedelta:
    """Note it, and say when to try again; nothing of the instance was touched."""
    with unit_of_work(work.ports.courier):
        fulfilment.note_sealed(instance_id, zone=business_rules(work.settings).zone, at=work.now())
    return _PAUSE
