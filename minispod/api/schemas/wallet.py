"""The wallet on the wire: figures, transactions, payment methods."""

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, PageQuery, PaginationOut, Timestamp, WireSchema
from minispod.insights.wallet_statistics import Grouping
from minispod.payments.states import TransactionStatus
from minispod.wallet.models import EntryType


class WireTime(fields.Field[datetime | None]):
    """A date or an instant in ISO 8601; without a zone it is UTC. As an end, a date includes its whole day."""

    default_error_messages = {"invalid": "Not a date or an instant in ISO 8601."}  # noqa: RUF012

    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        self.is_end = is_end
        kwargs.setdefault("metadata", {"type": "string", "format": "date-time"})
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime | None:
        text = value.strip() if isinstance(value, str) else ""
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
            is_date = len(text) <= len("2026-11-20")
            return at + timedelta(days=1, microseconds=-1) if self.is_end and is_date else at
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None


class StatementQuery(WireSchema):
    """Which transactions are wanted."""

    type = fields.Enum(EntryType, by_value=True, load_default=None)
    status = fields.Enum(TransactionStatus, by_value=True, load_default=None)
    start_date = WireTime(load_default=None)
    end_date = WireTime(load_default=None, is_end=True)


class TransactionsQuery(PageQuery, StatementQuery):
    """Which transactions are wanted, and which page of them."""


class BoughtServiceOut(AnswerSchema):
    """The service a charge was for."""

    name = fields.String()
    slug = fields.String()


class BoughtPlanOut(AnswerSchema):
    """The plan a charge was for."""

    name = fields.String()
    plan_type = fields.String()


class BoughtOut(AnswerSchema):
    """The subscription a charge was for."""

    id = fields.String()
    service = fields.Nested(BoughtServiceOut)
    plan = fields.Nested(BoughtPlanOut)


class TransactionSummaryOut(AnswerSchema):
    """A transaction in short."""

    id = fields.String()
    type = fields.String()
    status = fields.String()
    amount = fields.Integer()
    description = fields.String()
    created_at = Timestamp()
    completed_at = Timestamp(allow_none=True)


class TransactionOut(TransactionSummaryOut):
    """A transaction as the customer's list shows it."""

    custom_id = fields.String()
    user_id = fields.String()
    balance_before = fields.Integer()
    balance_after = fields.Integer()
    payment_method = fields.String(allow_none=True)
    payment_reference = fields.String(allow_none=True)
    payment_proof = fields.Constant(None, metadata={"type": "string"})
    subscription_id = fields.String(allow_none=True)
    # Keys are named by the contract: midtrans_token makes the front end's pay button.
    metadata = fields.Dict(keys=fields.String())
    processed_by = fields.String(allow_none=True)
    admin_notes = fields.Constant(None, metadata={"type": "string"})
    updated_at = Timestamp()
    subscription = fields.Nested(BoughtOut, allow_none=True)
    invoice_id = fields.String(allow_none=True)
    invoice_number = fields.String(allow_none=True)


class TransactionsOut(AnswerSchema):
    """A page of transactions; the front end reads `totalPages` beside the list, not inside `pagination`."""

    transactions = fields.List(fields.Nested(TransactionOut))
    total_pages = fields.Integer()
    pagination = fields.Nested(PaginationOut)


class OneTransactionOut(AnswerSchema):
    """One transaction."""

    transaction = fields.Nested(TransactionOut)


class WalletOut(AnswerSchema):
    """The figures of a wallet."""

    user_id = fields.String()
    user_name = fields.String()
    email = fields.String()
    credit_balance = fields.Integer()
    total_top_up = fields.Integer()
    total_spent = fields.Integer()
    monthly_spending = fields.Integer()
    net_balance = fields.Integer()
    gateway_debt = fields.Integer()
    member_since = Timestamp()
    recent_transactions = fields.List(fields.Nested(TransactionSummaryOut))


class WalletInfoOut(AnswerSchema):
    """One's own wallet."""

    wallet = fields.Nested(WalletOut)


class PaymentMethodOut(AnswerSchema):
    """A way to pay."""

    type = fields.String()
    name = fields.String()
    description = fields.String()
    icon = fields.String()
    processing_time = fields.String()


class PaymentMethodsOut(AnswerSchema):
    """The ways to pay."""

    payment_methods = fields.List(fields.Nested(PaymentMethodOut))


class StatisticsQuery(WireSchema):
    """By what the figures are grouped; blank is by month."""

    period = fields.Enum(
        Grouping,
        by_value=True,
        load_default=Grouping.MONTH,
        error_messages={"unknown": "must be one of: day, week, month, year"},
    )


class SumsOut(AnswerSchema):
    """All completed transactions."""

    total_amount = fields.Integer()
    total_transactions = fields.Integer()
    average_amount = fields.Integer()


class TypeSumOut(AnswerSchema):
    """The transactions of one type."""

    total_amount = fields.Integer(attribute="amount")
    count = fields.Integer()


class SpanTypeSumOut(AnswerSchema):
    """The transactions of one type in a span."""

    amount = fields.Integer()
    count = fields.Integer()


class SpanOut(AnswerSchema):
    """One day, week, month or year."""

    total_amount = fields.Integer(attribute="total.amount")
    count = fields.Integer(attribute="total.count")
    by_type = fields.Dict(keys=fields.String(), values=fields.Nested(SpanTypeSumOut))


class ActivityOut(AnswerSchema):
    """One of the newest transactions."""

    type = fields.String(attribute="type.value")
    amount = fields.Integer()
    completed_at = Timestamp(attribute="created_at")


class StatisticsOut(AnswerSchema):
    """The figures of a wallet's transactions."""

    overview = fields.Nested(SumsOut)
    by_type = fields.Dict(keys=fields.String(), values=fields.Nested(TypeSumOut))
    period_stats = fields.Dict(keys=fields.String(), values=fields.Nested(SpanOut))
    recent_activity = fields.List(fields.Nested(ActivityOut))


class WalletStatisticsOut(AnswerSchema):
    """One's own figures."""

    statistics = fields.Nested(StatisticsOut)


class CreditCheckIn(WireSchema):
    """How much shall be paid, in rupiah."""

    amount = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=1, max=10**15),
        error_messages={"invalid": "must be a whole number of rupiah"},
    )


class CheckedCreditOut(AnswerSchema):
    """Whether the credit covers an amount."""

    user_id = fields.String()
    user_name = fields.String()
    current_balance = fields.Integer()
    required_amount = fields.Integer()
    has_sufficient_credit = fields.Boolean()
    shortfall = fields.Integer()


class CreditCheckOut(AnswerSchema):
    """Whether one's own credit covers an amount."""

    credit_check = fields.Nested(CheckedCreditOut)
