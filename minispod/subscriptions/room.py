"""Whether the machines hold one more instance (decision 21): where the shop and the cluster are known together.

Every live subscription's instance counts (`live_sizes`), also while its owner has it stopped: the place is paid for.
The nodes are those last seen; a cluster that was never seen refuses nobody (decision 27).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Label, Select, func, literal, select, true

from minispod.catalog import quota
from minispod.catalog.errors import PlanSoldOut
from minispod.catalog.models import Plan
from minispod.catalog.showing import ShownPlan
from minispod.cluster import capacity, monitoring
from minispod.cluster.capacity import Allocatable, Load, Request, Room
from minispod.cluster.port import NodeSighting
from minispod.instances.models import Instance
from minispod.kernel.database import find, send, session
from minispod.kernel.questions import Message, Question
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


def _asked(sizes: Select[Any], *beside: Label[Any]) -> Select[Any]:
    """One row at least: what stands `beside`, what the workers hold, and a size with how many there are of it."""
    found = sizes.subquery("sizes")
    cluster = select(*monitoring.ALLOCATABLE).where(monitoring.HAS_SEEN_NODES).subquery("cluster")
    whole = select(literal(1)).subquery("whole").outerjoin(cluster.outerjoin(found, true()), true())
    return select(*beside, *cluster.c, *found.c).select_from(whole)


_STOCK = Question(_asked(live_sizes.SIZES))
_STOCK_WITHOUT = Question(_asked(live_sizes.OTHER_SIZES))
# As `live_sizes.take_turns`.
_TURN = select(func.pg_advisory_xact_lock(live_sizes.ROOM))
_TAKE_PLACE = Message(_TURN, answer=_asked(live_sizes.OTHER_SIZES, quota.taken().label("slots_taken")))
_HELD = len(monitoring.ALLOCATABLE)


def take_stock(rules: CapacityRules, *, apart_from: uuid.UUID | None = None) -> Stock:
    """Count what is promised, leaving out one subscription on wish, beside what the nodes last said.

    Where no node was ever seen nothing is counted: there is nothing to hold it against.
    """
    return _take_stock(rules, apart_from)[0]


def stock_on(nodes: Sequence[NodeSighting], rules: CapacityRules) -> Stock:
    """Count what is promised beside what these nodes hold."""
    return _stock(capacity.allocatable_of(nodes), live_sizes.read(), rules)


def take_place(instance: Instance, plan_id: uuid.UUID, rules: CapacityRules) -> None:
    """Take a slot of the plan for an instance that is live, and make sure that it fits beside all others that are.

    Asked last, after every other lock, and in one message: whoever orders waits meanwhile. Refuses PlanSoldOut and
    ClusterFull.
    """
    session().flush()  # what is written so far goes first: whoever orders waits from here on
    found = send(_TAKE_PLACE, {"plan": plan_id, "left_out": instance.subscription_id})
    if not found[0].slots_taken:
        raise PlanSoldOut()
    _refuse_unless_it_fits(instance, *_read([row[1:] for row in found], rules))


def move_place(
    instance: Instance,
    from_plan_id: uuid.UUID,
    to_plan_id: uuid.UUID,
    rules: CapacityRules,
    *,
    needs_room: bool,
) -> None:
    """Give a slot of one plan back and take one of another, for an instance that has its new size already.

    Unless it `needs_room` the machines are not asked. Refuses PlanSoldOut and ClusterFull.
    """
    if needs_room:
        live_sizes.take_turns()
    quota.move(from_plan_id, to_plan_id)
    if needs_room:
        _refuse_unless_it_fits(instance, *_take_stock(rules, instance.subscription_id))


def _refuse_unless_it_fits(instance: Instance, stock: Stock, rows: int) -> None:
    if _is_full(stock, instance):
        # Notes let in; who is refused is refused by a count.
        live_sizes.recount()
        if _is_full(take_stock(stock.rules, apart_from=instance.subscription_id), instance):
            raise ClusterFull()
    elif rows > live_sizes.MANY:
        live_sizes.recount()


def _take_stock(rules: CapacityRules, left_out: uuid.UUID | None) -> tuple[Stock, int]:
    """The stock, and from how many rows its load was added up."""
    found = find(_STOCK, {}) if left_out is None else find(_STOCK_WITHOUT, {"left_out": left_out})
    return _read(found, rules)


def _read(found: Sequence[Any], rules: CapacityRules) -> tuple[Stock, int]:
    held = found[0][:_HELD]
    if held[0] is None:
        return Stock(Load(), rules, None), 0
    # Where nothing was ever noted there is one row, of the machines alone.
    live = live_sizes.of_rows(sizes for row in found if (sizes := row[_HELD:])[0] is not None)
    return _stock(monitoring.allocatable_in(held), live, rules), live.rows


def _stock(held: Allocatable, live: LiveSizes, rules: CapacityRules) -> Stock:
    load = capacity.load_of((_request(cpu, memory, rules), count) for cpu, memory, count in live.of_each)
    return Stock(load, rules, capacity.room_in(held, reserve=rules.reserve))


def _is_full(stock: Stock, instance: Instance) -> bool:
    return stock.more(instance.cpu_milli, instance.memory_mb) == 0


def _request(cpu_milli: int, memory_mb: int, rules: CapacityRules) -> Request:
    return capacity.request_of(
        cpu_milli, memory_mb, cpu_ratio=rules.cpu_request_ratio, memory_ratio=rules.memory_request_ratio
    )
