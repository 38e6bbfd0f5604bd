"""What the list of instances is narrowed to and sorted by, as its address says; nonsense is no filter."""

from flask import request

from minispod.admin import pages
from minispod.catalog.models import PlanType
from minispod.insights.fleet_lists import Filter, Match, Sorting
from minispod.instances.states import InstanceStatus


def asked_for() -> Filter:
    """The filter of this request."""
    return Filter(
        search=pages.search_text(),
        status=pages.chosen(InstanceStatus, "status"),
        service=pages.search_text("service"),
        plan=pages.chosen(PlanType, "plan"),
        node=pages.search_text("node"),
        match=pages.chosen(Match, "match"),
    )


def sorted_by() -> tuple[Sorting, bool]:
    """By what, and whether the smallest comes first; without a word the newest does."""
    given = request.args.get("sort", "")
    try:
        return Sorting(given.removeprefix("-")), not given.startswith("-")
    except ValueError:
        return Sorting.MADE, False


def in_address(wanted: Filter) -> dict[str, str]:
    """The same filter as parameters, without what is empty."""
    given = {
        "q": wanted.search,
        "status": wanted.status,
        "service": wanted.service,
        "plan": wanted.plan,
        "node": wanted.node,
        "match": wanted.match,
    }
    return {name: str(value) for name, value in given.items() if value}
