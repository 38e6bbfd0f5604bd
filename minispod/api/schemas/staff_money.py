"""Transactions, top-ups and refunds of all customers, on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from minispod.api.schemas.analytics import WireDay
from minispod.api.schemas.base import AnswerSchema, Blank, PageQuery, PaginationOut, Timestamp, WireSchema
from minispod.api.schemas.wallet import TransactionOut
from minispod.insights.transactions import SortBy
from minispod.payments.states import TopUpState, TransactionStatus
from minispod.wallet.models import EntryType


class SpanIn(WireSchema):
    """Whose, from when to when (a date is a whole day of the business), and what is searched for."""

    search = fields.String(
        load_default="",
        validate=validate.Length(max=100),
        metadata={
            "description": "A TXMP, order or paper number, an id, or a part of the customer's name or e-mail"
        },
    )
    user_id = Blank(load_default=None, validate=validate.Length(max=64))
    start_date = WireDay(load_default=None)
    end_date = WireDay(load_default=None)


class SortIn(PageQuery):
    """Which page, and in which order."""

    sort_by = fields.Enum(SortBy, by_value=True, load_default=SortBy.CREATED_AT)
    sort_order = fields.String(load_default="desc", validate=validate.OneOf(["asc", "desc"]))
    cursor = fields.Integer(
        load_default=None,
        validate=validate.Range(min=0, max=2**62),
        metadata={"description": "Go on after the `nextCursor` of a page; goes with sorting by createdAt"},
    )

    @validates_schema
    def _cursor_is_a_number(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data.get("cursor") is not None and data.get("sort_by") is not SortBy.CREATED_AT:
            raise ValidationError({"cursor": ["goes with sorting by createdAt only"]})


class TransactionFilter(SpanIn):
    """Which transactions are wanted."""

    type = fields.Enum(EntryType, by_value=True, load_default=None)
    status = fields.Enum(TransactionStatus, by_value=True, load_default=None)


class StaffTransactionsQuery(TransactionFilter, SortIn):
    """Which transactions are wanted, and which page of them."""


class TopUpFilter(SpanIn):
    """Which top-ups are wanted."""

    state = fields.Enum(TopUpState, by_value=True, load_default=None)


class StaffTopUpsQuery(TopUpFilter, SortIn):
    """Which top-ups are wanted, and which page of them."""


class RefundFilter(SpanIn):
    """Which refunds are wanted."""


class StaffRefundsQuery(RefundFilter, SortIn):
    """Which refunds are wanted, and which page of them."""


class CustomerOut(AnswerSchema):
    """Whose it is."""

    id = fields.String()
    name = fields.String()
    email = fields.String()


class StaffTransactionOut(TransactionOut):
    """A transaction with its customer."""

    user = fields.Nested(CustomerOut)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """All but the customer is of the transaction itself."""
        return super().get_attribute(obj if attr == "user" else obj.line, attr, default)


class WindowOut(PaginationOut):
    """A page; where `totalIsExact` is false there are more than the total says, reached by `nextCursor`."""

    total_is_exact = fields.Boolean()
    next_cursor = fields.Integer(allow_none=True)


class StaffTransactionsOut(AnswerSchema):
    """A page of transactions of all customers."""

    transactions = fields.List(fields.Nested(StaffTransactionOut))
    pagination = fields.Nested(WindowOut)


class OneStaffTransactionOut(AnswerSchema):
    """One transaction."""

    transaction = fields.Nested(StaffTransactionOut)


class StaffTopUpOut(AnswerSchema):
    """A top-up as it stands; `reversedAmount` is what of it was taken back."""

    id = fields.String()
    custom_id = fields.String()
    order_id = fields.String()
    user_id = fields.String()
    state = fields.String(attribute="state.value")
    amount = fields.Integer()
    fee = fields.Integer()
    payable_amount = fields.Integer(attribute="payable")
    reversed_amount = fields.Integer()
    payment_method = fields.String()
    payment_type = fields.String(allow_none=True)
    paid_transaction_id = fields.String(allow_none=True)
    review_reason = fields.String(allow_none=True)
    created_at = Timestamp()
    expires_at = Timestamp()
    completed_at = Timestamp(allow_none=True)
    updated_at = Timestamp()


class CustomersTopUpOut(StaffTopUpOut):
    """A top-up with its customer."""

    user = fields.Nested(CustomerOut, attribute="customer")

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """All but the customer is of the top-up itself."""
        return super().get_attribute(obj if attr == "customer" else obj.topup, attr, default)


class StaffTopUpsOut(AnswerSchema):
    """A page of top-ups of all customers."""

    topups = fields.List(fields.Nested(CustomersTopUpOut))
    pagination = fields.Nested(WindowOut)


class GatewayRefundOut(AnswerSchema):
    """A refund the gateway was asked for; without an amount it is all that was left."""

    id = fields.String()
    amount = fields.Integer(allow_none=True)
    state = fields.String(attribute="state.value")
    reason = fields.String()
    refusal = fields.String(allow_none=True)
    asked_by = fields.String()
    asked_at = Timestamp()
    settled_at = Timestamp(allow_none=True)


class OneTopUpOut(AnswerSchema):
    """One top-up, and the refunds the gateway was asked for."""

    topup = fields.Nested(CustomersTopUpOut)
    refunds = fields.List(fields.Nested(GatewayRefundOut))


class GatewayRefundIn(WireSchema):
    """How much is given back through the gateway (all that is left, if unsaid), and why."""

    amount = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, 10**12)
    )
    reason = fields.String(required=True, validate=validate.Length(3, 200))


class StaffRefundOut(AnswerSchema):
    """What was given back to a wallet of one charge."""

    id = fields.String()
    custom_id = fields.String()
    transaction_id = fields.String()
    subscription_id = fields.String()
    of = fields.String(metadata={"enum": ["PERIOD", "UPGRADE"]})
    amount = fields.Integer()
    reason = fields.String()
    processed_by = fields.String(allow_none=True)
    created_at = Timestamp()
    user = fields.Nested(CustomerOut)


class StaffRefundsOut(AnswerSchema):
    """A page of refunds of all customers."""

    refunds = fields.List(fields.Nested(StaffRefundOut))
    pagination = fields.Nested(WindowOut)
