"""Whether the machines hold one more instance (decision 21): where the shop and the cluster are known together.

Every live subscription's instance counts (`live_sizes`), also while its owner has it stopped: the place is paid for.
The nodes are those last seen; a cluster that was never seen refuses nobody (decision 27).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, true

from minispod.catalog.models import Plan
from minispod.catalog.showing import ShownPlan
from minispod.cluster import capacity, monitoring
from minispod.cluster.capacity import Allocatable, Load, Request, Room
from minispod.cluster.models import ClusterState
from minispod.cluster.port import NodeSighting
from minispod.instances.models import Instance
from minispod.kernel.database import find, table_of
from minispod.kernel.questions import Question
from minispod.subscriptions import live_sizes
from minispod.subscriptions.errors import ClusterFull
from minispod.subscriptions.live_sizes import LiveSizes
from minispod.subscriptions.rules import CapacityRules


@dataclass(frozen=True, slots=True)
class Stock:
    """What is promised on the machines now, and what they held when they were last seen; no room: none was seen."""

    load: Load
    rules: CapacityRules
    room: Room | None

    def more(self, cpu_milli: int, memory_mb: int) -> int | None:
        """Tell how many more instances with these limits fit; None while no node was ever seen."""
        return None if self.room is None else self._more(cpu_milli, memory_mb, self.room)

    def more_on(self, workers: Sequence[NodeSighting], cpu_milli: int, memory_mb: int) -> int:
        """Tell how many more fit where all that is promised lies on these workers, which use their reserve for it."""
        return self._more(cpu_milli, memory_mb, capacity.room_of(workers, reserve=0))

    def places(self, plan: Plan | ShownPlan) -> int:
        """Tell how many more of a plan can be ordered: its free slots, as far as the machines hold them."""
        fit = self.more(plan.cpu_milli, plan.memory_mb)
        return plan.available_quota if fit is None else min(plan.available_quota, fit)

    def _more(self, cpu_milli: int, memory_mb: int, room: Room) -> int:
        return capacity.how_many_more(room, _request(cpu_milli, memory_mb, self.rules), load=self.load)


def _asked(sizes: Select[Any]) -> Question:
    found = sizes.subquery("sizes")
    beside = table_of(ClusterState).outerjoin(found, true())
    return Question(
        select(*monitoring.ALLOCATABLE, *found.c).select_from(beside).where(monitoring.HAS_SEEN_NODES)
    )


_STOCK = _asked(live_sizes.SIZES)
_STOCK_WITHOUT = _asked(live_sizes.OTHER_SIZES)
_HELD = len(monitoring.ALLOCATABLE)


def take_stock(rules: CapacityRules, *, apart_from: uuid.UUID | None = None) -> Stock:
    """Count what is promised, leaving out one subscription on wish, beside what the nodes last said.

    Where no node was ever seen nothing is counted: there is nothing to hold it against.
    """
    return _take_stock(rules, apart_from)[0]


def stock_on(nodes: Sequence[NodeSighting], rules: CapacityRules) -> Stock:
    """Count what is promised beside what these nodes hold."""
    return _stock(capacity.allocatable_of(nodes), live_sizes.read(), rules)


def require_room(instance: Instance, rules: CapacityRules) -> None:
    """Refuse ClusterFull unless `instance` fits beside all that is live.

    Asked last, after every other lock: an advisory lock lets two orders for the last megabyte count one after the
    other.
    """
    if not live_sizes.take_turns(where=monitoring.HAS_SEEN_NODES):
        return
    stock, rows = _take_stock(rules, instance.subscription_id)
    if _is_full(stock, instance):
        # Notes let in; who is refused is refused by a count.
        live_sizes.recount()
        if _is_full(take_stock(rules, apart_from=instance.subscription_id), instance):
            raise ClusterFull()
    elif rows > live_sizes.MANY:
        live_sizes.recount()


def _take_stock(rules: CapacityRules, left_out: uuid.UUID | None) -> tuple[Stock, int]:
    """The stock, and from how many rows its load was added up."""
    found = find(_STOCK, {}) if left_out is None else find(_STOCK_WITHOUT, {"left_out": left_out})
    if not found:
        return Stock(Load(), rules, None), 0
    held = monitoring.allocatable_in(found[0][:_HELD])
    # Where nothing was ever noted there is one row, of the machines alone.
    live = live_sizes.of_rows(sizes for row in found if (sizes := row[_HELD:])[0] is not None)
    return _stock(held, live, rules), live.rows


def _stock(held: Allocatable, live: LiveSizes, rules: CapacityRules) -> Stock:
    load = capacity.load_of((_request(cpu, memory, rules), count) for cpu, memory, count in live.of_each)
    return Stock(load, rules, capacity.room_in(held, reserve=rules.reserve))


def _is_full(stock: Stock, instance: Instance) -> bool:
    return stock.more(instance.cpu_milli, instance.memory_mb) == 0


def _request(cpu_milli: int, memory_mb: int, rules: CapacityRules) -> Request:
    return capacity.request_of(
        cpu_milli, memory_mb, cpu_ratio=rules.cpu_request_ratio, memory_ratio=rules.memory_request_ratio
    )
