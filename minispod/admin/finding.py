"""The search for everything: from the dialog on every page, by its own page, and straight to what was surely meant."""

from typing import Any

from flask import redirect, url_for

from minispod.admin import pages
from minispod.admin.door import door
from minispod.insights import finding
from minispod.insights.finding import Hit, Kind


@door.get("/search")
def find() -> Any:
    """Show what a text may mean; the one thing that it must mean is opened at once."""
    search = pages.search_text()
    found = finding.find(search)
    # A part of the page is asked for while somebody still writes: that leads nowhere by itself.
    if found.only is not None and not pages.wants_fragment():
        return redirect(address_of(found.only), 303)
    return pages.page_or_fragment(
        "admin/search/page.html",
        "admin/search/_list.html",
        found=found,
        search=search,
        shortest=finding.SHORTEST,
        address_of=address_of,
    )


def address_of(hit: Hit) -> str:
    """The page of what was found; an entry stands among those of its wallet, a ticket among its customer's."""
    match hit.kind:
        case Kind.CUSTOMER:
            return url_for("panel.customer", user_id=hit.id)
        case Kind.SUBSCRIPTION:
            return url_for("panel.subscription", subscription_id=hit.id)
        case Kind.INSTANCE:
            return url_for("panel.instance", instance_id=hit.id)
        case Kind.TOPUP:
            return url_for("panel.topup", topup_id=hit.id)
        case Kind.PAPER:
            return url_for("panel.paper", paper_id=hit.id)
        case Kind.ENTRY:
            return url_for("panel.wallet", user_id=hit.owner.id, q=hit.title.split(" ")[0])
        case Kind.TICKET:
            return url_for("panel.customer_part", user_id=hit.owner.id, part="tickets")
