"""One's own receipts, invoices and credit notes: /api/v1/billing/invoices."""

from typing import Any

from flask import Response, g, make_response

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in, seen
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.billing import (
    InvoicesOut,
    InvoicesQuery,
    InvoiceStatus,
    InvoiceType,
    OneInvoiceOut,
    PdfQuery,
)
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import Page, PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers import queries, words
from minispod.papers.drawing import draw
from minispod.papers.models import Paper
from minispod.papers.queries import IssuedPaper
from minispod.papers.states import Language, PaperKind, PaperStatus
from minispod.ports import current_ports

door = Door(
    "billing", __name__, url_prefix="/api/v1/billing", description="Receipts, invoices and credit notes"
)

PDF_SCHEMA = {"type": "string", "format": "binary"}
_TYPES = {
    PaperKind.RECEIPT: InvoiceType.TOPUP,
    PaperKind.INVOICE: InvoiceType.SUBSCRIPTION,
    PaperKind.CREDIT_NOTE: InvoiceType.REFUND,
}
_KINDS = {type_: kind for kind, type_ in _TYPES.items()}


def invoice_row(issued: IssuedPaper) -> dict[str, Any]:
    """A paper as lists show it."""
    paper = issued.paper
    return {
        "id": paper.id,
        "invoice_number": paper.number,
        "kind": paper.kind,
        "type": _TYPES[paper.kind],
        "status": InvoiceStatus(issued.status.value),
        "amount": paper.total,
        "subtotal": paper.net,
        "tax_rate": paper.tax_rate,
        "tax_amount": paper.tax,
        "total": paper.total,
        "credited_amount": issued.credited,
        "description": _sentences(paper)[0],
        "user_id": paper.user_id,
        "topup_id": paper.entry_id if paper.kind is PaperKind.RECEIPT else None,
        "subscription_id": paper.subscription_id,
        "transaction_id": paper.entry_id,
        "transaction_number": paper.entry_code,
        "corrects_id": paper.corrects_id,
        "corrects_number": paper.corrects_number,
        "language": paper.language,
        "download_count": paper.downloads,
        "issued_at": paper.issued_at,
        # Prepaid: a paper is written about money that has moved.
        "due_date": paper.occurred_at,
        "paid_at": paper.occurred_at,
        "created_at": paper.issued_at,
    }


def invoice_detail(issued: IssuedPaper) -> dict[str, Any]:
    """A paper in full."""
    paper = issued.paper
    lines = [
        {"description": sentence, "amount": line["amount"]}
        for sentence, line in zip(_sentences(paper), paper.lines, strict=True)
    ]
    return {**invoice_row(issued), "buyer": paper.buyer, "seller": paper.seller, "lines": lines}


def listed(page: Page[IssuedPaper]) -> dict[str, Any]:
    """A page of papers as the wire wants it."""
    return {
        "invoices": [invoice_row(each) for each in page.items],
        "total_pages": page.pages,
        "pagination": pagination(page),
    }


def filter_of(query: dict[str, Any]) -> queries.Filter | None:
    """What a query asks for; None when it asks for a state that no paper of ours is ever in."""
    status = query["status"]
    if status is not None and status.value not in set(PaperStatus):
        return None
    return queries.Filter(
        kind=_KINDS.get(query["type"]),
        status=PaperStatus(status.value) if status is not None else None,
        since=query["start_date"],
        until=query["end_date"],
        search=query.get("search") or "",
    )


def nothing_on(wanted: PageRequest) -> Page[IssuedPaper]:
    """An empty page."""
    return Page([], 0, wanted.page, wanted.limit)


def pdf_answer(paper: Paper, language: Language | None) -> Response:
    """The PDF to be saved under the paper's number."""
    response = make_response(draw(paper, language))
    response.headers["Content-Type"] = "application/pdf"
    response.headers.set("Content-Disposition", "attachment", filename=paper.file_name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _sentences(paper: Paper) -> list[str]:
    from_wallet = paper.payment.get("method") == "WALLET"
    return [
        words.line(each, paper.language or Language.ENGLISH, from_wallet=from_wallet) for each in paper.lines
    ]


@door.get("/invoices")
@requires_sign_in
@door.arguments(InvoicesQuery, location="query")
@door.answers(200, InvoicesOut, message="Invoices retrieved successfully")
def list_invoices(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own papers, newest first."""
    page, wanted = wanted_page(query), filter_of(query)
    if wanted is None:
        return listed(nothing_on(page))
    return listed(queries.list_papers(page, actor=g.actor, user_id=g.user.id, wanted=wanted))


@door.get("/invoices/<invoice_id>")
@requires_sign_in
@door.answers(200, OneInvoiceOut, message="Invoice retrieved successfully")
def show_invoice(invoice_id: str) -> dict[str, Any]:
    """Show one of one's own papers in full."""
    return {"invoice": invoice_detail(queries.get_paper(parse_id(invoice_id), actor=g.actor))}


@door.get("/invoices/<invoice_id>/pdf")
@requires_sign_in
@limiter.limit("60 per minute")
@door.arguments(PdfQuery, location="query")
@door.response(200, PDF_SCHEMA, content_type="application/pdf")
def download_invoice(query: dict[str, Any], invoice_id: str) -> Response:
    """Save one of one's own papers as PDF; the download is counted."""
    paper = queries.get_paper(parse_id(invoice_id), actor=g.actor).paper
    answer = pdf_answer(paper, query["language"])
    if seen() is None:
        with unit_of_work(current_ports().courier):
            queries.count_download(paper.id)
    return answer
