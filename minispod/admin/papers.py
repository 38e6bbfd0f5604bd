"""Receipts, invoices and credit notes: the list, one of them, and its PDF. They are only read; nothing changes them."""

from typing import Any

from flask import Response, make_response

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.kernel.ids import parse_id
from minispod.papers import queries
from minispod.papers.drawing import draw
from minispod.papers.states import Language, PaperKind


@door.get("/money/papers")
def papers_list() -> Any:
    """List the papers of all customers."""
    search, kind = pages.search_text(), pages.chosen(PaperKind, "kind")
    found = queries.list_papers(
        pages.page_request(), actor=guard.actor(), wanted=queries.Filter(kind=kind, search=search)
    )
    return pages.page_or_fragment(
        "admin/money/papers.html",
        "admin/money/_papers.html",
        found=found,
        search=search,
        chosen=kind,
        choices=PaperKind,
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
