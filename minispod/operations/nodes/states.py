"""What can be done with a node, what becomes of data that lie on it only, and how far it is."""

from enum import StrEnum


class NodeAct(StrEnum):
    """What is done."""

    CORDON = "CORDON"
    UNCORDON = "UNCORDON"
    DRAIN = "DRAIN"


class BoundChoice(StrEnum):
    """What a drain does with instances whose data are on this node only.

    LEAVE: they go on running there. MOVE: each is moved with its data, a backup first. STAND_STILL: they are stopped
    until the node takes pods again.
    """

    LEAVE = "LEAVE"
    MOVE = "MOVE"
    STAND_STILL = "STAND_STILL"


class NodeActStatus(StrEnum):
    """How far it is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


LIVE = (NodeActStatus.PENDING, NodeActStatus.RUNNING)


class NodeStep(StrEnum):
    """One step; each may be repeated."""

    MARK = "mark"
    MOVE = "move"
    EVICT = "evict"
    ENDED = "ended"
