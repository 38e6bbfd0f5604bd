"""Subscriptions: the list, with what each is worth and when it ends."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.subscriptions import queries
from minispod.subscriptions.states import SubscriptionStatus

_USED = (SubscriptionStatus.ACTIVE, SubscriptionStatus.EXPIRED, SubscriptionStatus.CANCELLED)


@door.get("/subscriptions")
def subscriptions_list() -> Any:
    """List subscriptions."""
    search, status = pages.search_text(), pages.chosen(SubscriptionStatus, "status")
    found = queries.list_all(pages.page_request(), search=search, status=status)
    return pages.page_or_fragment(
        "admin/subscriptions/page.html",
        "admin/subscriptions/_list.html",
        found=found,
        search=search,
        status=status,
        statuses=_USED,
    )
