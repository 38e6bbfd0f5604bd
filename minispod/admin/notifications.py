"""Messages: what was sent, what waits, what could not be delivered."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.notifications import post
from minispod.notifications.models import DeliveryState


@door.get("/messages")
def messages_list() -> Any:
    """List messages."""
    search, state = pages.search_text(), pages.chosen(DeliveryState, "state")
    found = post.list_messages(pages.page_request(), state=state, search=search)
    return pages.page_or_fragment(
        "admin/messages/page.html",
        "admin/messages/_list.html",
        found=found,
        search=search,
        state=state,
        states=DeliveryState,
    )
