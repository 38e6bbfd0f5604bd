"""Write down what all instances use at one moment, from two readings of the whole cluster.

A pod that is not (any more) the pod of an instance is nobody's; an instance without a reading has no sample, so that
a stopped one does not count as using nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from minispod.cluster.port import PodUsage, VolumeUsage
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.instances.usage.models import UsageSample
from minispod.kernel.database import session


def record(usages: Sequence[PodUsage], volumes: Sequence[VolumeUsage], *, at: datetime) -> int:
    """Add one sample per instance whose pod was measured; the same moment twice is one sample. Returns how many."""
    stored = {(each.namespace, each.pod_name): each.used_mb for each in volumes}
    owners = _instances_by_pod()
    rows = [
        {
            "instance_id": owners[place],
            "at": at,
            "cpu_milli": each.cpu_milli,
            "memory_mb": round(each.memory_mb),
            "storage_mb": stored.get(place),
        }
        for each in usages
        if (place := (each.namespace, each.pod_name)) in owners
    ]
    if rows:
        session().execute(insert(UsageSample).on_conflict_do_nothing(), rows)
    return len(rows)


def _instances_by_pod() -> dict[tuple[str, str | None], object]:
    living = select(Instance.id, Instance.namespace, Instance.pod_name).where(
        Instance.status != InstanceStatus.TERMINATED, Instance.pod_name.is_not(None)
    )
    return {(row.namespace, row.pod_name): row.id for row in session().execute(living)}
