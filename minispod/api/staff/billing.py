"""Receipts, invoices and credit notes of all customers, for administrators: /api/v1/admin/billing/invoices."""

from typing import Any

from flask import Response, g

from minispod.api.billing import PDF_SCHEMA, filter_of, invoice_detail, listed, nothing_on, pdf_answer
from minispod.api.envelope import Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import wanted_page
from minispod.api.schemas.billing import InvoicesOut, OneInvoiceOut, PdfQuery, StaffInvoicesQuery
from minispod.kernel.ids import parse_id
from minispod.papers import queries

door = Door(
    "staff_billing", __name__, url_prefix="/api/v1/admin/billing", description="Papers of all customers"
)


@door.get("/invoices")
@requires_staff
@door.arguments(StaffInvoicesQuery, location="query")
@door.answers(200, InvoicesOut, message="Invoices retrieved successfully")
def list_invoices(query: dict[str, Any]) -> dict[str, Any]:
    """List the papers of all customers, or of one, newest first."""
    page, wanted = wanted_page(query), filter_of(query)
    if wanted is None:
        return listed(nothing_on(page))
    user_id = parse_id(query["user_id"]) if query["user_id"] else None
    return listed(queries.list_papers(page, actor=g.actor, user_id=user_id, wanted=wanted))


@door.get("/invoices/<invoice_id>")
@requires_staff
@door.answers(200, OneInvoiceOut, message="Invoice retrieved successfully")
def show_invoice(invoice_id: str) -> dict[str, Any]:
    """Show any customer's paper in full."""
    return {"invoice": invoice_detail(queries.get_paper(parse_id(invoice_id), actor=g.actor))}


@door.get("/invoices/<invoice_id>/pdf")
@requires_staff
@door.arguments(PdfQuery, location="query")
@door.response(200, PDF_SCHEMA, content_type="application/pdf")
def download_invoice(query: dict[str, Any], invoice_id: str) -> Response:
    """Save any customer's paper as PDF; the customer's downloads are not counted up by it."""
    return pdf_answer(queries.get_paper(parse_id(invoice_id), actor=g.actor).paper, query["language"])
