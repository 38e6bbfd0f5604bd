"""Money: the ledger and the top-ups. One box finds both; one top-up is shown by `topups`."""

import uuid
from dataclasses import replace
from typing import Any

from flask import Response

from minispod.admin import files, pages
from minispod.admin.door import door
from minispod.insights import exports, money_exports, money_lists, movements
from minispod.insights.money_lists import TopUpsWanted
from minispod.insights.transactions import TransactionsWanted
from minispod.kernel.paging import PageRequest
from minispod.payments.states import TopUpState
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.wallet.models import EntryType

_TOPUPS_BESIDE = 5


@door.get("/money")
def ledger_list() -> Any:
    """List every movement of credit; a search names the top-ups it fits as well, paid or not."""
    wanted = entries_wanted()
    window = movements.list_movements(pages.window_request(), wanted)
    search = wanted.search
    topups = (
        money_lists.list_topups(PageRequest(1, _TOPUPS_BESIDE), TopUpsWanted(search=search)).page
        if search
        else None
    )
    return pages.page_or_fragment(
        "admin/money/page.html",
        "admin/money/_ledger.html",
        found=window.page,
        is_exact=window.is_exact,
        topups=topups,
        search=search,
        wanted=wanted,
        choices=EntryType,
    )


def entries_wanted(user_id: uuid.UUID | None = None) -> TransactionsWanted:
    """Which ledger entries the address asks for; days are days of the business."""
    zone = business_rules(current_settings()).zone
    return TransactionsWanted(
        search=pages.search_text(),
        type=pages.chosen(EntryType, "type"),
        user_id=user_id,
        since=pages.chosen_day("since", zone),
        until=pages.chosen_day("until", zone, is_end=True),
    )


@door.get("/money/ledger.csv")
def export_ledger() -> Any:
    """Download the entries that the filters choose."""
    return entries_as_csv(entries_wanted(), "ledger")


def entries_as_csv(wanted: TransactionsWanted, name: str) -> Response:
    """Stream entries as a file."""
    at = current_ports().clock.now()
    files.note_export(
        name,
        subject_id=wanted.user_id or "all",
        search=wanted.search,
        type=wanted.type.value if wanted.type else None,
        since=wanted.since.isoformat() if wanted.since else None,
        until=wanted.until.isoformat() if wanted.until else None,
    )
    # What happens during the download is not in it.
    until_now = replace(wanted, until=min(wanted.until or at, at))
    return files.as_csv(name, exports.ledger_sheet(until_now))


@door.get("/money/topups")
def topups_list() -> Any:
    """List top-ups in every state."""
    wanted = _topups_wanted()
    window = money_lists.list_topups(pages.window_request(), wanted)
    return pages.page_or_fragment(
        "admin/money/topups.html",
        "admin/money/_topups.html",
        found=window.page,
        is_exact=window.is_exact,
        wanted=wanted,
        choices=TopUpState,
    )


@door.get("/money/topups.csv")
def export_topups() -> Any:
    """Download the top-ups that the filters choose."""
    wanted, at = _topups_wanted(), current_ports().clock.now()
    files.note_export("topups", search=wanted.search, state=wanted.state.value if wanted.state else None)
    until_now = replace(wanted, until=min(wanted.until or at, at))
    return files.as_csv("topups", money_exports.topups_sheet(until_now))


def _topups_wanted() -> TopUpsWanted:
    zone = business_rules(current_settings()).zone
    return TopUpsWanted(
        search=pages.search_text(),
        state=pages.chosen(TopUpState, "state"),
        since=pages.chosen_day("since", zone),
        until=pages.chosen_day("until", zone, is_end=True),
    )
