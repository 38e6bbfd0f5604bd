"""What is shown beside what can be ordered of it now: how many more the slots and the machines hold (decision 21)."""

from collections.abc import Sequence

from minispod.catalog.showing import ShownService
from minispod.ports import current_settings
from minispod.rules import business_rules
from minispod.subscriptions.room import take_stock


def with_places(services: Sequence[ShownService]) -> Sequence[ShownService]:
    """The services, each plan with the places that are left; the stock is counted once."""
    stock = take_stock(business_rules(current_settings()).capacity)
    for service in services:
        for plan in service.plans:
            plan.places_left = stock.places(plan)
    return services
