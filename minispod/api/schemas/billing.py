"""Receipts, invoices and credit notes on the wire; the contract calls all of them invoices."""

from enum import StrEnum

from marshmallow import fields

from minispod.api.schemas.base import AnswerSchema, Blank, PageQuery, PaginationOut, Timestamp, WireSchema
from minispod.api.schemas.wallet import WireTime
from minispod.papers.states import Language, PaperKind


class InvoiceType(StrEnum):
    """The contract's word for what a paper is about."""

    TOPUP = "TOPUP"
    SUBSCRIPTION = "SUBSCRIPTION"
    REFUND = "REFUND"


class InvoiceStatus(StrEnum):
    """The contract's states. Ours are written about money that has moved: PAID, or CANCELLED once given back."""

    DRAFT = "DRAFT"
    SENT = "SENT"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    CANCELLED = "CANCELLED"


class InvoicesQuery(PageQuery):
    """Which papers are wanted."""

    type = fields.Enum(InvoiceType, by_value=True, load_default=None)
    status = fields.Enum(InvoiceStatus, by_value=True, load_default=None)
    start_date = WireTime(load_default=None)
    end_date = WireTime(load_default=None, is_end=True)


class StaffInvoicesQuery(InvoicesQuery):
    """Which papers of all customers are wanted; `search` is a number or a customer."""

    search = Blank(load_default=None)
    user_id = Blank(load_default=None)


class PdfQuery(WireSchema):
    """In which language the PDF is wanted; without it, the one it was issued in."""

    language = fields.Enum(Language, by_value=True, load_default=None)


class InvoiceOut(AnswerSchema):
    """One paper; amounts in rupiah, `taxRate` in per cent, `subtotal` without and `total` with PPN."""

    id = fields.String()
    invoice_number = fields.String()
    kind = fields.Enum(PaperKind, by_value=True)
    type = fields.Enum(InvoiceType, by_value=True)
    status = fields.Enum(InvoiceStatus, by_value=True)
    amount = fields.Integer()
    currency = fields.Constant("IDR", metadata={"type": "string"})
    subtotal = fields.Integer()
    tax_rate = fields.Integer()
    tax_amount = fields.Integer()
    total = fields.Integer()
    credited_amount = fields.Integer()
    description = fields.String()
    user_id = fields.String()
    topup_id = fields.String(allow_none=True)
    subscription_id = fields.String(allow_none=True)
    transaction_id = fields.String()
    transaction_number = fields.String()
    corrects_id = fields.String(allow_none=True)
    corrects_number = fields.String(allow_none=True)
    language = fields.Enum(Language, by_value=True)
    download_count = fields.Integer()
    issued_at = Timestamp()
    due_date = Timestamp()
    paid_at = Timestamp()
    created_at = Timestamp()


class InvoiceLineOut(AnswerSchema):
    """One line of a paper."""

    description = fields.String()
    amount = fields.Integer()


class BuyerOut(AnswerSchema):
    """The customer as the paper names them."""

    name = fields.String()
    email = fields.String()
    phone = fields.String(allow_none=True)


class SellerOut(AnswerSchema):
    """The company as the paper names it."""

    name = fields.String()
    address = fields.List(fields.String())
    npwp = fields.String()
    email = fields.String()
    phone = fields.String()


class InvoiceDetailOut(InvoiceOut):
    """One paper in full."""

    buyer = fields.Nested(BuyerOut)
    seller = fields.Nested(SellerOut)
    lines = fields.List(fields.Nested(InvoiceLineOut))


class InvoicesOut(AnswerSchema):
    """A page of papers."""

    invoices = fields.List(fields.Nested(InvoiceOut))
    total_pages = fields.Integer()
    pagination = fields.Nested(PaginationOut)


class OneInvoiceOut(AnswerSchema):
    """One paper."""

    invoice = fields.Nested(InvoiceDetailOut)
