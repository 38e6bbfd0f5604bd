"""Whether the machines hold one more instance (decision 21): where the shop and the cluster are known together.

Asked last, after every other lock: an advisory lock lets two orders for the last megabyte count one
after the other. The nodes are those last seen; a cluster that was never seen refuses nobody (decision 27).
"""

from sqlalchemy import func, select

from minispod.cluster import monitoring
from minispod.cluster.capacity import fits, load_of, request_of
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.database import session
from minispod.subscriptions.errors import ClusterFull
from minispod.subscriptions.rules import CapacityRules

# Any number that no other advisory lock of this database uses.
_ROOM_LOCK = 21_00_21


def require_room(instance: Instance, rules: CapacityRules) -> None:
    """Refuse ClusterFull unless `instance` fits beside all that is to run; other orders wait until we are done."""
    nodes = monitoring.last_picture().nodes
    if not nodes:
        return
    session().execute(select(func.pg_advisory_xact_lock(_ROOM_LOCK)))
    others = session().execute(
        select(Instance.cpu_milli, Instance.memory_mb).where(
            Instance.id != instance.id,
            Instance.wanted == Wanted.RUNNING,
            Instance.status != InstanceStatus.TERMINATED,
        )
    )
    ratios = {"cpu_ratio": rules.cpu_request_ratio, "memory_ratio": rules.memory_request_ratio}
    load = load_of(request_of(cpu, memory, **ratios) for cpu, memory in others)
    wanted = request_of(instance.cpu_milli, instance.memory_mb, **ratios)
    if not fits(wanted, load=load, nodes=nodes, reserve=rules.reserve):
        raise ClusterFull()
