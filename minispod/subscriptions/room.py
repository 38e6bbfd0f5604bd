"""Whether the machines hold one more instance (decision 21): where the shop and the cluster are known together.

Every live subscription's instance counts (`live_sizes`), also while its owner has it stopped: the place is paid for.
The nodes are those last seen; a cluster that was never seen refuses nobody (decision 27).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from minispod.catalog.models import Plan
from minispod.catalog.showing import ShownPlan
from minispod.cluster import capacity, monitoring
from minispod.cluster.capacity import Load, Request, Room
from minispod.cluster.monitoring import ClusterPicture
from minispod.cluster.port import NodeSighting
from minispod.instances.models import Instance
from minispod.subscriptions import live_sizes
from minispod.subscriptions.errors import ClusterFull
from minispod.subscriptions.live_sizes import LiveSizes
from minispod.subscriptions.rules import CapacityRules


@dataclass(frozen=True, slots=True)
class Stock:
    """What the machines held when they were last seen, and what is promised on them now; no room: none was seen."""

    nodes: tuple[NodeSighting, ...]
    seen_at: datetime | None
    load: Load
    rules: CapacityRules
    room: Room | None

    def more(self, cpu_milli: int, memory_mb: int) -> int | None:
        """Tell how many more instances with these limits fit; None while no node was ever seen."""
        return None if self.room is None else self._more(cpu_milli, memory_mb, self.room)

    def more_without(self, lost: NodeSighting, cpu_milli: int, memory_mb: int) -> int | None:
        """The same when one worker is lost and the others use their reserve for it."""
        if self.room is None:
            return None
        return self._more(cpu_milli, memory_mb, capacity.room_of(self._workers_without(lost), reserve=0))

    def missing_without(self, lost: NodeSighting) -> Load:
        """Tell what of all that is promised would find no place without one worker."""
        return capacity.missing_of(self.load, self._workers_without(lost))

    def places(self, plan: Plan | ShownPlan) -> int:
        """Tell how many more of a plan can be ordered: its free slots, as far as the machines hold them."""
        fit = self.more(plan.cpu_milli, plan.memory_mb)
        return plan.available_quota if fit is None else min(plan.available_quota, fit)

    def _workers_without(self, lost: NodeSighting) -> list[NodeSighting]:
        # Workers first: a control plane does not become one because the last worker is lost.
        return [node for node in capacity.workers_of(self.nodes) if node != lost]

    def _more(self, cpu_milli: int, memory_mb: int, room: Room) -> int:
        return capacity.how_many_more(room, _request(cpu_milli, memory_mb, self.rules), load=self.load)


def take_stock(
    rules: CapacityRules, *, apart_from: uuid.UUID | None = None, picture: ClusterPicture | None = None
) -> Stock:
    """Count what is promised, leaving out one subscription on wish, beside what the nodes last said.

    Where no node was ever seen nothing is counted: there is nothing to hold it against. A `picture` that was read
    already is not read again.
    """
    picture = picture if picture is not None else monitoring.last_picture()
    if not picture.nodes:
        return Stock((), picture.seen_at, Load(), rules, None)
    return _stock(picture, live_sizes.read(apart_from=apart_from), rules)


def _stock(picture: ClusterPicture, live: LiveSizes, rules: CapacityRules) -> Stock:
    load = capacity.load_of((_request(cpu, memory, rules), count) for cpu, memory, count in live.of_each)
    room = capacity.room_of(picture.nodes, reserve=rules.reserve)
    return Stock(picture.nodes, picture.seen_at, load, rules, room)


def require_room(instance: Instance, rules: CapacityRules, picture: ClusterPicture | None = None) -> None:
    """Refuse ClusterFull unless `instance` fits beside all that is live.

    Asked last, after every other lock: an advisory lock lets two orders for the last megabyte count one after the
    other. The nodes are no part of that: a `picture` of them may be read before the contended locks are taken.
    """
    seen = picture if picture is not None else monitoring.last_picture()
    if not seen.nodes:
        return
    live_sizes.take_turns()
    others = live_sizes.read(apart_from=instance.subscription_id)
    if _is_full(seen, others, instance, rules):
        # Notes let in; who is refused is refused by a count.
        live_sizes.recount()
        others = live_sizes.read(apart_from=instance.subscription_id)
        if _is_full(seen, others, instance, rules):
            raise ClusterFull()
    elif others.rows > live_sizes.MANY:
        live_sizes.recount()


def _is_full(picture: ClusterPicture, live: LiveSizes, instance: Instance, rules: CapacityRules) -> bool:
    return _stock(picture, live, rules).more(instance.cpu_milli, instance.memory_mb) == 0


def _request(cpu_milli: int, memory_mb: int, rules: CapacityRules) -> Request:
    return capacity.request_of(
        cpu_milli, memory_mb, cpu_ratio=rules.cpu_request_ratio, memory_ratio=rules.memory_request_ratio
    )
