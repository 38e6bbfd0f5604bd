"""Which plans are scarce: those of which fewest more can be sold."""

from minispod.catalog.models import Plan
from minispod.cluster import capacity
from minispod.cluster.capacity import Load
from minispod.insights.outlook import Outlook, PlanOutlook
from minispod.subscriptions.room import Stock
from minispod.subscriptions.rules import CapacityRules
from tests.factories.nodes import worker


def _outlook(*for_sale: int) -> Outlook:
    largest = worker("worker-1", memory_mb=10_000)
    room = capacity.room_of([largest], reserve=0.36)
    return Outlook(
        seen_at=None,
        stock=Stock(Load(), CapacityRules(0.25, 0.5, 0.36), room),
        # What fits on the machines says nothing while fewer slots are free.
        plans=[PlanOutlook(Plan(name=str(number)), 100 - number, 0, number) for number in for_sale],
        largest=largest,
        missing=Load(),
    )


def test_the_scarcest_plans_come_first_and_no_more_than_are_asked_for():
    found = _outlook(7, 0, 12, 3).scarcest(3)

    assert [each.plan.name for each in found] == ["0", "3", "7"]


def test_of_few_plans_all_are_told_and_equals_keep_their_order():
    assert [each.for_sale for each in _outlook(4, 4).scarcest(5)] == [4, 4]
    assert _outlook().scarcest(5) == []
