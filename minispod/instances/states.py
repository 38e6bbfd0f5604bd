"""States of an instance: what the customer sees, and what we want of the cluster."""

from enum import StrEnum


class InstanceStatus(StrEnum):
    """What the customer sees; the values of the wire contract."""

    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RESTARTING = "RESTARTING"
    ERROR = "ERROR"
    MAINTENANCE = "MAINTENANCE"
    TERMINATED = "TERMINATED"


class Wanted(StrEnum):
    """What the cluster is to be brought to."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    ABSENT = "ABSENT"


class Control(StrEnum):
    """What its owner and staff may wish by hand."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RETRY = "retry"


class VolumeStatus(StrEnum):
    """What one volume of an instance is: the one it runs on, one being filled, one kept for a while, or gone."""

    ACTIVE = "ACTIVE"
    FILLING = "FILLING"
    RETIRED = "RETIRED"
    DELETED = "DELETED"


HEALTHY = "Healthy"
"""Exactly this text means ready to the front end (contract, section 6)."""

SETTLED = frozenset(
    {InstanceStatus.RUNNING, InstanceStatus.STOPPED, InstanceStatus.ERROR, InstanceStatus.TERMINATED}
)
"""States that an instance stays in until somebody wants something else."""

IN_TRANSITION = frozenset(
    {
        InstanceStatus.PENDING,
        InstanceStatus.PROVISIONING,
        InstanceStatus.STOPPING,
        InstanceStatus.STARTING,
        InstanceStatus.RESTARTING,
    }
)
