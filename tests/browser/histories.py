"""What charts draw of nodes and instances: most of a day of readings, with an hour in which nothing was read."""

import math
import uuid
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.cluster.models import NodeReading
from minispod.instances.models import Instance
from minispod.instances.usage.models import UsageSample
from minispod.kernel.database import session
from minispod.kernel.ids import new_id

STEP = timedelta(minutes=15)
SILENT = range(30, 34)
_OLDEST = 93
_BUSY = ("cpu_requested", "cpu_used", "memory_requested", "memory_used")


def put_histories(instance_id: str, at: datetime) -> None:
    """Of worker-1 what came before it was read first, and of one instance; quarters of an hour before `at`."""
    newest = select(NodeReading).where(NodeReading.name == "worker-1").order_by(NodeReading.at.desc())
    node, instance = (
        session().scalars(newest).first(),
        session().get_one(Instance, uuid.UUID(instance_id)),
    )
    assert node is not None
    same = {each.key: getattr(node, each.key) for each in NodeReading.__table__.columns}
    for number in range(1, _OLDEST):
        if number in SILENT:
            continue
        moment, wave = at - number * STEP, 1 + math.sin(number / 11)
        if moment < at - timedelta(hours=2):
            busy = {name: int(same[name] * (0.4 + 0.7 * wave)) for name in _BUSY}
            session().add(NodeReading(**same | {"id": new_id(), "at": moment} | busy))
        session().add(
            UsageSample(
                instance_id=instance.id,
                at=moment,
                cpu_milli=int(instance.cpu_milli * (0.15 + 0.3 * wave)),
                memory_mb=int(instance.memory_mb * (0.3 + 0.2 * wave)),
                storage_mb=int(instance.storage_gb * 1024 * (0.5 - number / 400)),
            )
        )
