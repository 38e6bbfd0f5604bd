"""Which words the enumerated fields of answers hold: told in the document by the names of schema and field.

A door writes such a field as a text, because its value is one already; a client wants to know which there are.
"""

import re
from enum import StrEnum
from typing import Any

from marshmallow import fields, validate

from minispod.catalog.models import PlanType
from minispod.insights.instance_health import TimeRange
from minispod.insights.redemptions import Span
from minispod.instances.environment_models import EnvironmentState, RotationState
from minispod.instances.orphan_models import OrphanKind
from minispod.instances.states import InstanceStatus, VolumeStatus
from minispod.instances.usage.history import Range
from minispod.kernel.actor import Role
from minispod.operations.states import OperationKind, OperationStatus
from minispod.payments.gateway import PaymentGroup
from minispod.payments.states import RefundState, TopUpState, TransactionStatus
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet.models import EntryType
from minispod.wallet.states import AdjustmentState

_PAID_BY = tuple(f"MIDTRANS_{each.value}" for each in PaymentGroup)

# The first pattern that fits `<Schema>.<field>` says which words there are.
_WORDS: tuple[tuple[str, type[StrEnum] | tuple[str, ...]], ...] = (
    (r"\.role$", Role),
    (r"\.planType$", PlanType),
    (r"\.discountType$", DiscountType),
    (r"(Coupon\w*|LookedAt)Out\.type$|\.redemptionType$", CouponType),
    (r"(^|Counted)Coupon(Detail)?Out\.status$", CouponStatus),
    (r"^OpenedTopUpOut\.paymentMethod$|^PaymentMethodOut\.type$", PaymentGroup),
    (r"^CustomersTopUpOut\.paymentMethod$", _PAID_BY),
    (r"TransactionOut\.paymentMethod$", (*_PAID_BY, "ADMIN_MANUAL", "COUPON_REDEMPTION")),
    (r"(Transaction(Summary|State)?|Activity|Charge|Type|Movement)Out\.type$", EntryType),
    (r"Transaction(Summary|State)?Out\.status$", TransactionStatus),
    (r"(Subscription(Detail)?|SoldAs|SlotHolder|BeforeEdit)Out\.status$", SubscriptionStatus),
    (r"(Instance(One|State|Health)?|StatusShare|Metrics)Out\.(status|previousStatus)$", InstanceStatus),
    (r"^OperationOut\.kind$", OperationKind),
    (r"^OperationOut\.status$", OperationStatus),
    (r"^VolumeOut\.status$", VolumeStatus),
    (r"^EnvironmentChangeOut\.state$", EnvironmentState),
    (r"^RotationOut\.state$", RotationState),
    (r"^CustomersTopUpOut\.state$", TopUpState),
    (r"^GatewayRefundOut\.state$", RefundState),
    (r"^(Adjustment|BulkResult)Out\.status$", AdjustmentState),
    (r"^OrphanOut\.kind$", OrphanKind),
    (r"^UsageHistoryOut\.range$", Range),
    (r"^FiguresOut\.period$", Span),
    (r"^HealthFiguresOut\.timeRange$", TimeRange),
    (r"^StopOut\.method$", ("scale-to-zero",)),
    (r"^StartOut\.method$", ("scale-up",)),
    (r"^RestartOut\.method$", ("replace-pod",)),
    (r"^RefundDetailsOut\.refundType$", ("PARTIAL", "FULL")),
    (r"^SslOut\.status$", ("ACTIVE", "DISABLED")),
    (r"^TimedLineOut\.level$", ("ERROR", "WARN", "INFO", "DEBUG")),
)


def words_of(self: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """The words of an enumerated text of an answer, or what a constant always is; apispec asks for each field."""
    if isinstance(field, fields.Constant):
        return _constant(field)
    is_told = any(isinstance(check, validate.OneOf) for check in field.validators)
    if is_told or field.parent is None or type(field) is not fields.String:
        return {}
    place = f"{type(field.parent).__name__.removesuffix('Schema')}.{field.data_key or field.name}"
    for pattern, words in _WORDS:
        if re.search(pattern, place):
            return {"enum": [*(str(each) for each in words), *([None] if field.allow_none else [])]}
    return {}


def _constant(field: fields.Constant[Any]) -> dict[str, Any]:
    if field.constant is None:
        return {}
    return {"type": "boolean" if isinstance(field.constant, bool) else "string", "enum": [field.constant]}
