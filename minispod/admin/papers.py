"""Receipts, invoices and credit notes: the list, one of them, and its PDF. They are only read; nothing changes them."""

from dataclasses import replace
from typing import Any

from flask import Response, make_response

from minispod.admin import files, guard, pages
from minispod.admin.door import door
from minispod.insights import money_exports
from minispod.kernel.ids import parse_id
from minispod.papers import queries
from minispod.papers.drawing import draw
from minispod.papers.states import Language, PaperKind, PaperStatus
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules


@door.get("/money/papers")
def papers_list() -> Any:
    """List the papers of all customers."""
    wanted = _wanted()
    found = queries.list_papers(pages.page_request(), actor=guard.actor(), wanted=wanted)
    return pages.page_or_fragment(
        "admin/money/papers.html",
        "admin/money/_papers.html",
        found=found,
        wanted=wanted,
        choices=PaperKind,
    )


@door.get("/money/papers.csv")
def export_papers() -> Response:
    """Download the papers that the filters choose."""
    wanted, at = _wanted(), current_ports().clock.now()
    files.note_export("papers", search=wanted.search, kind=wanted.kind.value if wanted.kind else None)
    until_now = replace(wanted, until=min(wanted.until or at, at))
    return files.as_csv("papers", money_exports.papers_sheet(until_now, actor=guard.actor()))


def _wanted() -> queries.Filter:
    zone = business_rules(current_settings()).zone
    return queries.Filter(
        kind=pages.chosen(PaperKind, "kind"),
        status=pages.chosen(PaperStatus, "status"),
        since=pages.chosen_day("since", zone),
        until=pages.chosen_day("until", zone, is_end=True),
        search=pages.search_text(),
    )


@door.get("/money/papers/<paper_id>")
def paper(paper_id: str) -> Any:
    """Show one paper as it was issued."""
    found = queries.get_paper(parse_id(paper_id), actor=guard.actor())
    return pages.page_or_fragment("admin/money/paper.html", "admin/money/paper.html", found=found)


@door.get("/money/papers/<paper_id>/pdf")
def paper_pdf(paper_id: str) -> Response:
    """Save one paper as PDF, in the language it was issued in or in the chosen one."""
    found = queries.get_paper(parse_id(paper_id), actor=guard.actor()).paper
    answer = make_response(draw(found, pages.chosen(Language, "language")))
    answer.headers["Content-Type"] = "application/pdf"
    answer.headers.set("Content-Disposition", "attachment", filename=found.file_name)
    return answer
