"""Wallet administration on the wire: figures, list, one wallet, corrections."""

from marshmallow import fields, validate

from minispod.api.schemas.base import (
    SOMETIMES,
    AnswerSchema,
    Blank,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.api.schemas.wallet import TransactionOut
from minispod.insights.wallets import SortBy
from minispod.wallet.states import AdjustmentState


class WalletCountsOut(AnswerSchema):
    """How many wallets there are."""

    total = fields.Integer()
    with_balance = fields.Integer()
    with_negative_balance = fields.Integer()
    with_zero_balance = fields.Integer()


class TypeOut(AnswerSchema):
    """The completed transactions of one type."""

    type = fields.String()
    count = fields.Integer()
    total_amount = fields.Integer()


class TransactionCountsOut(AnswerSchema):
    """How many completed transactions there are."""

    total = fields.Integer()
    recent24h = fields.Integer(data_key="recent24h")
    by_type = fields.List(fields.Nested(TypeOut))


class BalancesOut(AnswerSchema):
    """What all wallets hold; `totalDebt` is what customers owe."""

    total_balance = fields.Integer()
    average_balance = fields.Integer()
    min_balance = fields.Integer()
    max_balance = fields.Integer()
    total_debt = fields.Integer()


class TopUpSumsOut(AnswerSchema):
    """What came into all wallets."""

    total_top_ups = fields.Integer()
    average_top_up = fields.Integer()


class SpendingSumsOut(AnswerSchema):
    """What went out of all wallets."""

    total_spent = fields.Integer()
    average_spent = fields.Integer()


class WalletFiguresOut(AnswerSchema):
    """All wallets in figures."""

    users = fields.Nested(WalletCountsOut)
    transactions = fields.Nested(TransactionCountsOut)
    balances = fields.Nested(BalancesOut)
    top_ups = fields.Nested(TopUpSumsOut)
    spending = fields.Nested(SpendingSumsOut)


class WalletsStatisticsOut(AnswerSchema):
    """All wallets in figures."""

    statistics = fields.Nested(WalletFiguresOut)


class WalletsQuery(PageQuery):
    """Which wallets are wanted, and in which order."""

    search = Blank(load_default=None, validate=validate.Length(max=100))
    sort_by = fields.Enum(SortBy, by_value=True, load_default=SortBy.CREATED_AT)
    sort_order = fields.String(load_default="desc", validate=validate.OneOf(("asc", "desc")))
    min_balance = fields.Integer(load_default=None, validate=validate.Range(-(10**15), 10**15))
    max_balance = fields.Integer(load_default=None, validate=validate.Range(-(10**15), 10**15))


class ListedWalletOut(AnswerSchema):
    """One line of the list."""

    id = fields.String(attribute="user.id")
    email = fields.String(attribute="user.email")
    name = fields.String(attribute="user.name")
    credit_balance = fields.Integer(attribute="wallet.balance")
    total_top_up = fields.Integer(attribute="wallet.total_top_up")
    total_spent = fields.Integer(attribute="wallet.total_spent")
    gateway_debt = fields.Integer(attribute="wallet.gateway_debt")
    active_subscriptions = fields.Integer(attribute="live")
    total_transactions = fields.Integer(attribute="transactions")
    member_since = Timestamp(attribute="user.created_at")


class OverviewSumsOut(AnswerSchema):
    """All wallets in sum, whatever the filter."""

    total_balance = fields.Integer()
    total_top_ups = fields.Integer()
    total_spent = fields.Integer()
    average_balance = fields.Integer()
    average_top_up = fields.Integer()
    average_spent = fields.Integer()


class OverviewOut(AnswerSchema):
    """A page of wallets."""

    users = fields.List(fields.Nested(ListedWalletOut))
    pagination = fields.Nested(PaginationOut)
    summary = fields.Nested(OverviewSumsOut)


class WalletOverviewOut(AnswerSchema):
    """A page of wallets."""

    wallet_overview = fields.Nested(OverviewOut)


class WalletOwnerOut(AnswerSchema):
    """Whose wallet it is."""

    id = fields.String()
    email = fields.String()
    name = fields.String()
    is_active = fields.Boolean()
    created_at = Timestamp()


class BalanceOut(AnswerSchema):
    """What is in it."""

    current = fields.Integer()
    total_top_up = fields.Integer()
    total_spent = fields.Integer()
    net_balance = fields.Integer()
    gateway_debt = fields.Integer()


class PaidServiceOut(AnswerSchema):
    """A service."""

    name = fields.String()
    slug = fields.String()


class PaidPlanOut(AnswerSchema):
    """A plan."""

    name = fields.String()
    plan_type = fields.String(attribute="plan_type.value")


class PaidSubscriptionOut(AnswerSchema):
    """A subscription the wallet pays for."""

    id = fields.String(attribute="subscription.id")
    status = fields.String(attribute="subscription.status.value")
    monthly_price = fields.Integer(attribute="subscription.price")
    auto_renew = fields.Boolean(attribute="subscription.auto_renew")
    end_date = Timestamp(attribute="subscription.ends_at")
    service = fields.Nested(PaidServiceOut, attribute="subscription.service")
    plan = fields.Nested(PaidPlanOut, attribute="subscription.plan")


class WalletOfUserOut(AnswerSchema):
    """One wallet with what moved lately and what it pays for."""

    user = fields.Nested(WalletOwnerOut)
    balance = fields.Nested(BalanceOut)
    recent_transactions = fields.List(fields.Nested(TransactionOut))
    active_subscriptions = fields.List(fields.Nested(PaidSubscriptionOut))


class WalletDetailsOut(AnswerSchema):
    """One wallet."""

    wallet_details = fields.Nested(WalletOfUserOut)


class CorrectionIn(WireSchema):
    """How much, and why. Amounts and reasons are judged by the wallet's own rules."""

    amount = fields.Integer(
        required=True, strict=True, error_messages={"invalid": "must be a whole number of rupiah"}
    )
    reason = fields.String(required=True)
    description = Blank(load_default=None, validate=validate.Length(max=500))


class DeductionIn(CorrectionIn):
    """As above; with `allowNegative` what is missing is owed by the customer."""

    allow_negative = fields.Boolean(load_default=False, allow_none=True)


class AdjustmentOut(AnswerSchema):
    """A correction; PENDING ones wait for a second confirmation until `expiresAt`."""

    id = fields.String(attribute="adjustment.id")
    user_id = fields.String(attribute="adjustment.user_id")
    user_name = fields.String(attribute="owner.name")
    status = fields.String(attribute="adjustment.state.value")
    change = fields.Integer(attribute="adjustment.delta")
    reason = fields.String(attribute="adjustment.reason")
    description = fields.String(attribute="adjustment.note", allow_none=True)
    allow_negative = fields.Boolean(attribute="adjustment.may_owe")
    requested_by = fields.String(attribute="requester.name")
    requested_at = Timestamp(attribute="adjustment.requested_at")
    expires_at = Timestamp(attribute="adjustment.expires_at", allow_none=True)
    decided_by = fields.String(attribute="decider.name", metadata=SOMETIMES)
    decided_at = Timestamp(attribute="adjustment.decided_at", allow_none=True)
    transaction_id = fields.String(attribute="adjustment.entry_id", allow_none=True)
    custom_id = fields.String(attribute="entry.custom_id", metadata=SOMETIMES)


class MovementOut(AnswerSchema):
    """The transaction a correction made."""

    id = fields.String()
    custom_id = fields.String()
    amount = fields.Integer()
    type = fields.String(attribute="type.value")
    description = fields.String()


class CorrectedUserOut(AnswerSchema):
    """The wallet's owner and what changed."""

    id = fields.String()
    email = fields.String()
    name = fields.String()
    previous_balance = fields.Integer()
    new_balance = fields.Integer()
    total_top_up = fields.Integer(metadata=SOMETIMES)
    total_spent = fields.Integer(metadata=SOMETIMES)
    gateway_debt = fields.Integer()


class CorrectionOut(AnswerSchema):
    """What was done."""

    transaction = fields.Nested(MovementOut)
    user = fields.Nested(CorrectedUserOut)
    adjustment = fields.Nested(AdjustmentOut)


class AwaitedCorrectionOut(AnswerSchema):
    """What waits for a second confirmation."""

    adjustment = fields.Nested(AdjustmentOut)


class BulkItemIn(WireSchema):
    """One wallet's correction."""

    user_id = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(("ADD", "DEDUCT")))
    amount = fields.Integer(
        required=True, strict=True, error_messages={"invalid": "must be a whole number of rupiah"}
    )
    allow_negative = fields.Boolean(load_default=False, allow_none=True)


class BulkIn(WireSchema):
    """Several corrections with one reason; each has an outcome of its own."""

    adjustments = fields.List(
        fields.Nested(BulkItemIn), required=True, validate=validate.Length(min=1, max=100)
    )
    reason = fields.String(required=True)
    description = Blank(load_default=None, validate=validate.Length(max=500))


class BulkResultOut(AnswerSchema):
    """What came of one; `status` is PENDING while it waits for a second confirmation."""

    user_id = fields.String()
    success = fields.Boolean()
    status = fields.String(metadata=SOMETIMES)
    adjustment_id = fields.String(metadata=SOMETIMES)
    transaction_id = fields.String(metadata=SOMETIMES)
    custom_id = fields.String(metadata=SOMETIMES)
    error = fields.String(metadata=SOMETIMES)
    code = fields.String(metadata=SOMETIMES)


class BulkSummaryOut(AnswerSchema):
    """How many went how; `pending` ones are counted as successful."""

    total = fields.Integer()
    successful = fields.Integer()
    failed = fields.Integer()
    pending = fields.Integer()


class BulkOut(AnswerSchema):
    """What came of each."""

    results = fields.List(fields.Nested(BulkResultOut))
    summary = fields.Nested(BulkSummaryOut)


class AdjustmentsQuery(PageQuery):
    """Which corrections are wanted."""

    status = fields.Enum(AdjustmentState, by_value=True, load_default=None)
    user_id = Blank(load_default=None)


class AdjustmentsOut(AnswerSchema):
    """A page of corrections."""

    adjustments = fields.List(fields.Nested(AdjustmentOut))
    pagination = fields.Nested(PaginationOut)


class ApprovalIn(WireSchema):
    """The password again, where the only administrator approves an own request."""

    password = fields.String(load_default=None, allow_none=True, load_only=True)


class OneAdjustmentOut(AnswerSchema):
    """One correction."""

    adjustment = fields.Nested(AdjustmentOut)
