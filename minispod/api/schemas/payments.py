"""Top-ups and the gateway's webhook on the wire."""

from marshmallow import INCLUDE, Schema, fields

from minispod.api.schemas.base import SOMETIMES, AnswerSchema, WireSchema
from minispod.api.schemas.wallet import TransactionSummaryOut
from minispod.payments.gateway import PaymentGroup

_GROUPS = ", ".join(group.value for group in PaymentGroup)


class TopUpIn(WireSchema):
    """How much, and how it shall be paid."""

    amount = fields.Integer(
        required=True, strict=True, error_messages={"invalid": "must be a whole number of rupiah"}
    )
    payment_method = fields.Enum(
        PaymentGroup,
        by_value=True,
        required=True,
        error_messages={"unknown": f"must be one of: {_GROUPS}"},
    )


class OpenedTopUpOut(AnswerSchema):
    """Where to pay; the token may be null when the payment page is closed already.

    `payable_amount` is paid (`amount` and `fee`), `amount` is credited.
    """

    transaction_id = fields.String()
    snap_token = fields.String(allow_none=True)
    redirect_url = fields.String(allow_none=True)
    amount = fields.Integer()
    fee = fields.Integer()
    payable_amount = fields.Integer()
    payment_method = fields.String()
    expiry_time = fields.String()


class TopUpOut(AnswerSchema):
    """An opened top-up."""

    transaction = fields.Nested(OpenedTopUpOut)


class GatewayStatusOut(AnswerSchema):
    """What the gateway says about a payment that is not decided yet."""

    transaction_id = fields.String(allow_none=True)
    status = fields.String(attribute="transaction_status", allow_none=True)
    fraud_status = fields.String(allow_none=True)
    payment_type = fields.String(allow_none=True)
    gross_amount = fields.Integer(allow_none=True)
    currency = fields.String(allow_none=True)


class TransactionStateOut(TransactionSummaryOut):
    """A transaction in short, with the gateway's word while it is pending."""

    midtrans_status = fields.Nested(GatewayStatusOut, metadata=SOMETIMES)


class TransactionStatusOut(AnswerSchema):
    """How a transaction stands."""

    transaction = fields.Nested(TransactionStateOut)


class NoticeIn(Schema):
    """A notification as the gateway sends it, of which these facts are read; documentation only, the port reads it."""

    class Meta:
        """The gateway sends more."""

        unknown = INCLUDE

    order_id = fields.String(required=True, metadata={"examples": ["TOPUP-01JD8X6K5V3Q2W1E9R7T5Y3U1I"]})
    transaction_id = fields.String(required=True)
    transaction_status = fields.String(required=True, metadata={"examples": ["settlement"]})
    status_code = fields.String(required=True, metadata={"examples": ["200"]})
    gross_amount = fields.String(required=True, metadata={"examples": ["50000.00"]})
    signature_key = fields.String(
        required=True, metadata={"description": "sha512 over order, status, amount and key"}
    )


class NoticeAnswerOut(AnswerSchema):
    """What the gateway is told; it reads the HTTP status only."""

    success = fields.Boolean()
    message = fields.String()
