"""Money: the ledger, the top-ups, and one top-up with every notice the gateway sent about it."""

from typing import Any

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.insights import movements
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.payments import queries
from minispod.payments.states import TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType

_NOTICES = 50


@door.get("/money")
def ledger_list() -> Any:
    """List every movement of credit."""
    search, type_ = pages.search_text(), pages.chosen(EntryType, "type")
    found = movements.list_movements(pages.page_request(), movements.Wanted(search=search, type=type_))
    return pages.page_or_fragment(
        "admin/money/page.html",
        "admin/money/_ledger.html",
        found=found,
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


@door.get("/money/topups/<topup_id>")
def topup(topup_id: str) -> Any:
    """Show one top-up, the entry it brought, and the notices received."""
    found = movements.get_topup(parse_id(topup_id), actor=guard.actor())
    return pages.page_or_fragment(
        "admin/money/topup.html",
        "admin/money/topup.html",
        topup=found.topup,
        customer=found.customer,
        entry=ledger.find_entry(EntryKind.TOPUP, str(found.topup.id)),
        notices=queries.list_notices(PageRequest(1, _NOTICES), order_id=found.topup.order_id),
    )
