"""What draining a node would mean: whom it touches, what finds room elsewhere, what is tied to it. Never writes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from minispod.cluster import capacity, monitoring
from minispod.cluster.capacity import Load, Request
from minispod.cluster.port import NodeSighting
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.operations import node_loss, queries
from minispod.operations.node_loss import Touched
from minispod.subscriptions.room import Stock, stock_on
from minispod.subscriptions.rules import CapacityRules


class Fate(StrEnum):
    """What a drain does with an instance."""

    # Every node can run it: the cluster starts it elsewhere.
    LEAVES = "LEAVES"
    # Every node can run it, and none has room for it now.
    NO_ROOM = "NO_ROOM"
    # Its data are on this node only; it can be moved with them.
    TIED = "TIED"
    # The same, but nothing says how its data are copied.
    TIED_FOR_GOOD = "TIED_FOR_GOOD"
    # An operation works on it; the drain waits for its end.
    BUSY = "BUSY"


@dataclass(frozen=True, slots=True)
class Passenger:
    """An instance on the node, and what becomes of it."""

    touched: Touched
    fate: Fate
    has_room: bool

    @property
    def is_tied(self) -> bool:
        """Tell whether its data are on this node only."""
        return self.touched.is_bound


@dataclass(frozen=True, slots=True)
class Foresight:
    """All that an administrator should know before a node is drained.

    `missing` is what would find no place on the other workers, `missing_after` what would find none if the largest of
    those were lost as well, `next_largest`, while this one is away.
    """

    passengers: Sequence[Passenger]
    missing: Load
    next_largest: NodeSighting | None
    missing_after: Load

    @property
    def customers(self) -> int:
        """Number of customers who are touched."""
        return len({each.touched.owner.id for each in self.passengers})

    @property
    def tied(self) -> Sequence[Passenger]:
        """Those whose data are on this node only."""
        return [each for each in self.passengers if each.is_tied]

    @property
    def fits(self) -> bool:
        """Tell whether the other workers hold all that is promised."""
        return self.missing == Load()

    @property
    def stays_safe(self) -> bool:
        """Tell whether they would still do so after the loss of another one."""
        return self.missing_after == Load()


def foresee(node_name: str, rules: CapacityRules) -> Foresight:
    """Look at a drain of this node before it is asked for, by what was last seen of the cluster."""
    nodes = monitoring.last_picture().nodes
    stock = stock_on(nodes, rules)
    others = [each for each in nodes if each.name != node_name]
    rest = [each for each in capacity.workers_of(nodes) if each.name != node_name]
    largest = capacity.largest_of(rest)
    without_it = [each for each in rest if each != largest]
    return Foresight(
        passengers=_passengers(node_loss.touched_by(node_name), others, stock),
        missing=capacity.missing_of(stock.load, rest),
        next_largest=largest,
        missing_after=capacity.missing_of(stock.load, without_it) if largest else Load(),
    )


def _passengers(
    touched: Sequence[Touched], others: Sequence[NodeSighting], stock: Stock
) -> Sequence[Passenger]:
    """Give each a place on the others, the largest first, as the scheduler and our own choice of targets do."""
    given: dict[str, list[tuple[Request, int]]] = defaultdict(list)
    has_room = {}
    for each in sorted(touched, key=lambda one: -one.instance.memory_mb):
        request = _request(each.instance, stock.rules)
        taken = {name: capacity.load_of(requests) for name, requests in given.items()}
        place = capacity.roomiest(request, others, taken)
        has_room[each.instance.id] = place is not None
        if place is not None:
            given[place.name].append((request, 1))
    return [
        Passenger(each, _fate(each, has_room[each.instance.id]), has_room[each.instance.id])
        for each in touched
    ]


def _fate(touched: Touched, has_room: bool) -> Fate:
    if touched.operation is not None:
        return Fate.BUSY
    if touched.is_bound:
        return Fate.TIED if queries.is_copyable(touched.instance) else Fate.TIED_FOR_GOOD
    rests = touched.instance.status is InstanceStatus.STOPPED
    return Fate.LEAVES if has_room or rests else Fate.NO_ROOM


def _request(instance: Instance, rules: CapacityRules) -> Request:
    return capacity.request_of(
        instance.cpu_milli,
        instance.memory_mb,
        cpu_ratio=rules.cpu_request_ratio,
        memory_ratio=rules.memory_request_ratio,
    )
