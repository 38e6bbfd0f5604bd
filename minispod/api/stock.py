"""The stock of the shop during one request: counted at most once, however many plans are shown."""

from flask import g

from minispod.catalog.models import Plan
from minispod.catalog.showing import ShownPlan
from minispod.ports import current_settings
from minispod.rules import business_rules
from minispod.subscriptions.room import Stock, take_stock


def places_left(plan: Plan | ShownPlan) -> int:
    """Tell how many more of a plan can be ordered now (decision 21)."""
    stock: Stock | None = g.get("stock")
    if stock is None:
        stock = g.stock = take_stock(business_rules(current_settings()).capacity)
    return stock.places(plan)
