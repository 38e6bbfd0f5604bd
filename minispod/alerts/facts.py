"""What the rules are applied to: the state of the business at one moment, as it was read. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LostNode:
    """A node that does not answer: instances that start elsewhere, that wait with their data, that have no backup."""

    name: str
    since: datetime
    movable: int = 0
    bound: int = 0
    bare: int = 0


@dataclass(frozen=True, slots=True)
class NodeUse:
    """What a node uses of what it can give, in per cent, averaged over the last minutes; None: not measured."""

    name: str
    cpu: float | None
    memory: float | None
    is_worker: bool


@dataclass(frozen=True, slots=True)
class InstanceFact:
    """Something about one instance; which fields say what depends on the list it stands in."""

    id: str
    name: str
    since: datetime | None = None
    node: str | None = None
    number: int = 0
    of: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """Work of one kind that is overdue or keeps failing."""

    task: str
    total: int
    failing: int
    since: datetime


@dataclass(frozen=True, slots=True)
class HeldPayment:
    """A top-up that waits in REVIEW."""

    id: str
    number: str
    amount: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class ProofFact:
    """What the newest proof found and nobody has repaired; `digest` names this set of differences."""

    digest: str
    differences: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the rules look at."""

    silent_since: datetime | None = None
    # When the nodes, and when the instances, were last looked at; None: never.
    nodes_at: datetime | None = None
    looked_at: datetime | None = None
    lost_nodes: Sequence[LostNode] = ()
    nodes: Sequence[NodeUse] = ()
    # `since` when it went down, `node` where it was.
    down: Sequence[InstanceFact] = ()
    failed: Sequence[InstanceFact] = ()
    # `number` restarts within the last hour.
    restarted: Sequence[InstanceFact] = ()
    # `number` of `of` megabytes are used.
    volumes: Sequence[InstanceFact] = ()
    # `since`: when the certificate ends.
    certificates: Sequence[InstanceFact] = ()
    # `since`: when the newest good backup was taken.
    backups_failed: Sequence[InstanceFact] = ()
    backups_overdue: Sequence[InstanceFact] = ()
    undecided: Sequence[InstanceFact] = ()
    late: Sequence[WaitingTask] = ()
    # Messages that could not be sent for long; `since` the oldest.
    unsent: WaitingTask | None = None
    held: Sequence[HeldPayment] = ()
    proof: ProofFact | None = None
