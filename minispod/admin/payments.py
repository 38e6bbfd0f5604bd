"""Money: the ledger and the top-ups. One box finds both; one top-up is shown by `topups`."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.insights import movements
from minispod.kernel.paging import PageRequest
from minispod.payments.states import TopUpState
from minispod.wallet.models import EntryType

_TOPUPS_BESIDE = 5


@door.get("/money")
def ledger_list() -> Any:
    """List every movement of credit; a search names the top-ups it fits as well, paid or not."""
    search, type_ = pages.search_text(), pages.chosen(EntryType, "type")
    found = movements.list_movements(pages.page_request(), search=search, type_=type_)
    topups = movements.list_topups(PageRequest(1, _TOPUPS_BESIDE), search=search) if search else None
    return pages.page_or_fragment(
        "admin/money/page.html",
        "admin/money/_ledger.html",
        found=found,
        topups=topups,
        search=search,
        chosen=type_,
        choices=EntryType,
    )


@door.get("/money/topups")
def topups_list() -> Any:
    """List top-ups in every state."""
    search, state = pages.search_text(), pages.chosen(TopUpState, "state")
    found = movements.list_topups(pages.page_request(), search=search, state=state)
    return pages.page_or_fragment(
        "admin/money/topups.html",
        "admin/money/_topups.html",
        found=found,
        search=search,
        chosen=state,
        choices=TopUpState,
    )
