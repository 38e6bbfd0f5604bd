"""How many more instances the nodes can hold (decision 21). Pure; every figure comes in as an argument.

Counted are requests, not limits: the overcommit of 3-4 : 1 is already in them (decision 24). A share of
the workers' memory and pod slots stays free, so that one dead worker's instances find room on the others;
CPU is stretched instead of reserved. Two workers of 32 GB (65,536 MB allocatable) and 12 threads each hold
81 instances of 1 vCPU / 1 GB at a reserve of 36 %, and 76 at 40 %.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from minispod.cluster.port import NodeSighting


@dataclass(frozen=True, slots=True)
class Request:
    """What the scheduler sets aside for one instance: millicores and megabytes."""

    cpu_milli: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Load:
    """What is set aside already, in sum."""

    cpu_milli: int = 0
    memory_mb: int = 0
    instances: int = 0


@dataclass(frozen=True, slots=True)
class Allocatable:
    """What the workers hold: millicores, megabytes and pods of all together, and the most of one of them."""

    cpu_milli: int
    memory_mb: int
    pods: int
    biggest: Request


@dataclass(frozen=True, slots=True)
class Room:
    """What may be set aside in all, and on the biggest single worker."""

    cpu_milli: int
    memory_mb: int
    instances: int
    biggest: Request


def request_share(limit: int, ratio: float) -> int:
    """Tell what is requested of a plan's limit, rounded up, at least 1."""
    # Rounded first, so that 0.1 x 30 is 3 and not 3.0000000000000004.
    return max(1, ceil(round(limit * ratio, 6)))


def request_of(cpu_milli: int, memory_mb: int, *, cpu_ratio: float, memory_ratio: float) -> Request:
    """Tell what an instance of a plan requests (decision 24)."""
    return Request(request_share(cpu_milli, cpu_ratio), request_share(memory_mb, memory_ratio))


def load_of(requests: Iterable[tuple[Request, int]]) -> Load:
    """Add up the requests of live instances, each with how many there are of it."""
    listed = list(requests)
    return Load(
        sum(each.cpu_milli * count for each, count in listed),
        sum(each.memory_mb * count for each, count in listed),
        sum(count for _, count in listed),
    )


def workers_of(nodes: Sequence[NodeSighting]) -> list[NodeSighting]:
    """Pick the nodes that may take instances: schedulable workers, or all of them where nodes are both."""
    workers = [node for node in nodes if not node.is_control_plane] or list(nodes)
    return [node for node in workers if node.is_schedulable]


def allocatable_of(nodes: Sequence[NodeSighting]) -> Allocatable:
    """Tell what the workers among these nodes hold; all zero when none of them may take instances."""
    workers = workers_of(nodes)
    return Allocatable(
        cpu_milli=sum(node.cpu_allocatable for node in workers),
        memory_mb=sum(node.memory_allocatable for node in workers),
        pods=sum(node.pods_allocatable for node in workers),
        biggest=Request(
            max((node.cpu_allocatable for node in workers), default=0),
            max((node.memory_allocatable for node in workers), default=0),
        ),
    )


def room_in(allocatable: Allocatable, *, reserve: float) -> Room:
    """Tell what the workers may hold when `reserve` (a share) of memory and pod slots stays free."""
    return Room(
        cpu_milli=allocatable.cpu_milli,
        memory_mb=_kept(allocatable.memory_mb, reserve),
        instances=_kept(allocatable.pods, reserve),
        biggest=allocatable.biggest,
    )


def room_of(nodes: Sequence[NodeSighting], *, reserve: float) -> Room:
    """Tell the same of nodes that are at hand."""
    return room_in(allocatable_of(nodes), reserve=reserve)


def how_many_more(room: Room, request: Request, *, load: Load) -> int:
    """Tell how many more instances with this request fit beside `load`; 0 when none does."""
    if request.cpu_milli > room.biggest.cpu_milli or request.memory_mb > room.biggest.memory_mb:
        return 0
    return max(
        0,
        min(
            (room.cpu_milli - load.cpu_milli) // request.cpu_milli,
            (room.memory_mb - load.memory_mb) // request.memory_mb,
            room.instances - load.instances,
        ),
    )


def largest_of(nodes: Sequence[NodeSighting]) -> NodeSighting | None:
    """Pick the worker whose loss hurts most: that with the most memory, then the most CPU; None without workers."""
    return max(
        workers_of(nodes), key=lambda node: (node.memory_allocatable, node.cpu_allocatable), default=None
    )


def missing_of(load: Load, nodes: Sequence[NodeSighting]) -> Load:
    """Tell what of `load` the nodes could not take even with their reserve; all zero when they hold it."""
    room = room_of(nodes, reserve=0)
    return Load(
        max(0, load.cpu_milli - room.cpu_milli),
        max(0, load.memory_mb - room.memory_mb),
        max(0, load.instances - room.instances),
    )


def roomiest(
    request: Request, nodes: Sequence[NodeSighting], taken: Mapping[str, Load]
) -> NodeSighting | None:
    """Pick the ready worker with the most memory that nothing is set aside of; None when none has room.

    Counted is what the scheduler counts, the requests on each node, and beside it what is `taken` (by the node's name).
    """
    with_room = [
        (node.memory_allocatable - node.memory_requested - gone.memory_mb, node.name, node)
        for node in workers_of(nodes)
        if node.is_ready
        and (gone := taken.get(node.name, Load())) is not None
        and node.cpu_allocatable - node.cpu_requested - gone.cpu_milli >= request.cpu_milli
        and node.memory_allocatable - node.memory_requested - gone.memory_mb >= request.memory_mb
        and node.pods_allocatable - node.pods_running - gone.instances >= 1
    ]
    return max(with_room, key=lambda each: each[:2], default=(0, "", None))[2]


def _kept(total: int, reserve: float) -> int:
    return floor(round(total * (1 - reserve), 6))
