"""Money: the ledger and the top-ups. One box finds both; one top-up is shown by `topups`."""

import uuid
from dataclasses import replace
from typing import Any

from flask import Response, current_app

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.audit import trail
from minispod.insights import exports, movements
from minispod.insights.movements import Wanted
from minispod.kernel import spreadsheets
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments.states import TopUpState
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.wallet.models import EntryType

_TOPUPS_BESIDE = 5


@door.get("/money")
def ledger_list() -> Any:
    """List every movement of credit; a search names the top-ups it fits as well, paid or not."""
    wanted = entries_wanted()
    found = movements.list_movements(pages.page_request(), wanted)
    search = wanted.search
    topups = movements.list_topups(PageRequest(1, _TOPUPS_BESIDE), search=search) if search else None
    return pages.page_or_fragment(
        "admin/money/page.html",
        "admin/money/_ledger.html",
        found=found,
        topups=topups,
        search=search,
        wanted=wanted,
        choices=EntryType,
    )


def entries_wanted(user_id: uuid.UUID | None = None) -> Wanted:
    """Which ledger entries the address asks for; days are days of the business."""
    zone = business_rules(current_settings()).zone
    return Wanted(
        search=pages.search_text(),
        type=pages.chosen(EntryType, "type"),
        user_id=user_id,
        since=pages.chosen_day("since", zone),
        until=pages.chosen_day("until", zone, is_end=True),
    )


@door.get("/money/ledger.csv")
def export_ledger() -> Any:
    """Download the entries that the filters choose."""
    return entries_as_csv(entries_wanted(), "minispod-ledger.csv")


def entries_as_csv(wanted: Wanted, name: str) -> Response:
    """Stream entries as a file; whoever takes the books out of the house is in the audit book."""
    ports = current_ports()
    at = ports.clock.now()
    with unit_of_work():
        trail.record(
            guard.actor(),
            trail.Action.WALLET_EXPORTED,
            at=at,
            subject_kind="wallet",
            subject_id=wanted.user_id or "all",
            search=wanted.search,
            type=wanted.type.value if wanted.type else None,
            since=wanted.since.isoformat() if wanted.since else None,
            until=wanted.until.isoformat() if wanted.until else None,
        )
    # What happens during the download is not in it.
    until_now = replace(wanted, until=min(wanted.until or at, at))
    return Response(
        spreadsheets.stream(exports.ledger_sheet(until_now), current_app.app_context),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
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
