"""How much more the shop can sell on its machines, now and without the largest of them."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minispod.catalog import browsing
from minispod.catalog.models import Plan
from minispod.cluster import capacity
from minispod.cluster.capacity import Load
from minispod.cluster.monitoring import ClusterPicture
from minispod.cluster.port import NodeSighting
from minispod.subscriptions.room import Stock, stock_on
from minispod.subscriptions.rules import CapacityRules


@dataclass(frozen=True, slots=True)
class PlanOutlook:
    """How many more of one plan fit, each count for itself: what one plan takes is gone for the others."""

    plan: Plan
    more: int
    more_after_loss: int
    for_sale: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the machines hold, what is promised on them, and what would be left without the largest worker."""

    seen_at: datetime | None
    stock: Stock
    plans: Sequence[PlanOutlook]
    largest: NodeSighting
    missing: Load

    @property
    def survives(self) -> bool:
        """Tell whether all that is promised finds a place when the largest worker is lost."""
        return self.missing == Load()

    def scarcest(self, most: int) -> list[PlanOutlook]:
        """The plans of which fewest more can be sold, the scarcest first."""
        return heapq.nsmallest(most, self.plans, key=lambda each: each.for_sale)


def look_ahead(rules: CapacityRules, picture: ClusterPicture) -> Outlook | None:
    """Count for every plan that is on sale on the nodes of this picture; None while no worker has been seen."""
    largest = capacity.largest_of(picture.nodes)
    if largest is None:
        return None
    stock = stock_on(picture.nodes, rules)
    # Workers first: a control plane does not become one because the last worker is lost.
    rest = [node for node in capacity.workers_of(picture.nodes) if node != largest]
    return Outlook(
        seen_at=picture.seen_at,
        stock=stock,
        plans=[
            PlanOutlook(
                plan,
                more=stock.more(plan.cpu_milli, plan.memory_mb) or 0,
                more_after_loss=stock.more_on(rest, plan.cpu_milli, plan.memory_mb),
                for_sale=stock.places(plan),
            )
            for plan in sorted(
                browsing.all_plans(), key=lambda plan: (plan.service.name, plan.plan_type.tier)
            )
            if plan.is_active and plan.service.is_active
        ],
        largest=largest,
        missing=capacity.missing_of(stock.load, rest),
    )
