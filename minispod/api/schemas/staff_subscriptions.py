"""What administrators do with subscriptions, on the wire."""

from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema

from minispod.api.schemas.base import (
    SOMETIMES,
    AnswerSchema,
    Blank,
    BlankEnum,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.api.schemas.subscriptions import PlanChangeIn, SubscriptionOut, UpgradedOut
from minispod.subscriptions.queries import SortKey
from minispod.subscriptions.states import SubscriptionStatus

_REASON = validate.Length(10, 500)
_MOST_AT_ONCE = 10_000_000


class _StatusFilter(BlankEnum):
    """A wanted status. Two labels of the front end are no status here and match nothing, as reserved ones do."""

    _LABELS: ClassVar = {
        "INACTIVE": SubscriptionStatus.SUSPENDED.value,
        "PENDING_DEPLOYMENT": SubscriptionStatus.PENDING_PAYMENT.value,
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(SubscriptionStatus, **kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """Read the word; see the class."""
        read = self._LABELS.get(value, value) if isinstance(value, str) else value
        return super().deserialize(read, attr, data, **kwargs)


class StaffSubscriptionQuery(PageQuery):
    """Which subscriptions are wanted."""

    search = fields.String(load_default="", validate=validate.Length(max=100))
    status = _StatusFilter(load_default=None)
    service_id = Blank(load_default=None, validate=validate.Length(max=64))
    sort_by = BlankEnum(SortKey, load_default=None)
    sort_order = Blank(load_default=None, validate=validate.OneOf(["asc", "desc"]))


class ReasonIn(WireSchema):
    """Why it is done; the audit trail keeps it."""

    reason = fields.String(required=True, validate=_REASON)


class GrantIn(WireSchema):
    """A subscription on a customer's behalf; without the credit check it costs nothing, which needs a reason."""

    user_id = fields.String(required=True, validate=validate.Length(1, 64))
    plan_id = fields.String(required=True, validate=validate.Length(1, 64))
    skip_credit_check = fields.Boolean(load_default=False)
    reason = Blank(load_default=None, validate=_REASON)

    @validates_schema
    def _waivers_have_a_reason(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data["skip_credit_check"] and not data["reason"]:
            raise ValidationError({"reason": ["is required when nothing is charged"]})


class StaffPlanChangeIn(PlanChangeIn, ReasonIn):
    """Another plan of the same service, up or down; without the credit check no money moves."""

    skip_credit_check = fields.Boolean(load_default=False)


class ForceCancelIn(ReasonIn):
    """End now, or (without terminating) at the end of the period; give back what is not used."""

    terminate_instances = fields.Boolean(load_default=True)
    process_refund = fields.Boolean(load_default=False)


class RefundIn(ReasonIn):
    """How much is given back; FULL without an amount is all that is left of what was paid."""

    amount = fields.Integer(strict=True, load_default=None, validate=validate.Range(1, _MOST_AT_ONCE))
    refund_type = fields.String(load_default="PARTIAL", validate=validate.OneOf(["PARTIAL", "FULL"]))

    @validates_schema
    def _a_part_has_an_amount(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data["amount"] is None and data["refund_type"] == "PARTIAL":
            raise ValidationError({"amount": ["is required for a partial refund"]})


class ExtendIn(ReasonIn):
    """How many days the running period ends later."""

    extension_days = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 365, error="must be between {min} and {max} days"),
    )


class OwnerOut(AnswerSchema):
    """Whose subscription it is."""

    id = fields.String()
    name = fields.String()
    email = fields.String()
    avatar = fields.String(allow_none=True)


class StaffSubscriptionOut(SubscriptionOut):
    """A subscription with its owner."""

    user = fields.Nested(OwnerOut)


class StaffSubscriptionsOut(AnswerSchema):
    """Subscriptions of all customers."""

    subscriptions = fields.List(fields.Nested(StaffSubscriptionOut))
    pagination = fields.Nested(PaginationOut)


class OwnerNameOut(AnswerSchema):
    """An owner by name and address."""

    id = fields.String()
    name = fields.String()
    email = fields.String()


class GrantedPlanOut(AnswerSchema):
    """The plan that was ordered."""

    id = fields.String()
    name = fields.String()
    service_name = fields.String()
    monthly_price = fields.Integer()


class GrantBillingOut(AnswerSchema):
    """What the first period cost."""

    charge_amount = fields.Integer()
    is_bonus_subscription = fields.Boolean()
    original_price = fields.Integer()


class GrantActionOut(AnswerSchema):
    """Who ordered it, and why."""

    created_by = fields.String()
    reason = fields.String(allow_none=True)
    skip_credit_check = fields.Boolean()


class GrantedOut(AnswerSchema):
    """What came of an order on a customer's behalf."""

    subscription = fields.Nested(SubscriptionOut)
    user = fields.Nested(OwnerNameOut)
    plan = fields.Nested(GrantedPlanOut)
    billing = fields.Nested(GrantBillingOut)
    admin_action = fields.Nested(GrantActionOut)


class ChangedPlanOut(AnswerSchema):
    """One side of a change of plan, at the price it had for this subscription."""

    id = fields.String()
    name = fields.String()
    plan_type = fields.String()
    monthly_price = fields.Integer()


class ChangeOut(AnswerSchema):
    """From what to what, and what it cost."""

    from_plan = fields.Nested(ChangedPlanOut)
    to_plan = fields.Nested(ChangedPlanOut)
    upgrade_cost = fields.Integer()
    actual_charge = fields.Integer()
    prorated_days = fields.Integer()
    is_bonus_upgrade = fields.Boolean()


class ChangeActionOut(AnswerSchema):
    """Who changed the plan, and why."""

    upgraded_by = fields.String()
    reason = fields.String()
    skip_credit_check = fields.Boolean()


class StaffUpgradedOut(UpgradedOut):
    """What came of a change of plan by staff."""

    user = fields.Nested(OwnerNameOut)
    upgrade = fields.Nested(ChangeOut)
    admin_action = fields.Nested(ChangeActionOut)


class CancelRefundOut(AnswerSchema):
    """What a cancellation gave back, or why nothing."""

    amount = fields.Integer()
    processed = fields.Boolean()
    transaction_id = fields.String(metadata=SOMETIMES)
    reason = fields.String(metadata=SOMETIMES)


class CancelActionOut(AnswerSchema):
    """Who cancelled, and why."""

    cancelled_by = fields.String()
    reason = fields.String()
    process_refund = fields.Boolean()
    immediate_termination = fields.Boolean()


class ForceCancelledOut(AnswerSchema):
    """What came of a cancellation by staff."""

    subscription = fields.Nested(SubscriptionOut)
    instances_terminated = fields.Integer()
    refund = fields.Nested(CancelRefundOut)
    message = fields.String()
    next_steps = fields.List(fields.String())
    admin_action = fields.Nested(CancelActionOut)


class RefundOut(AnswerSchema):
    """The movement of credit; a refund of several charges has several entries, the newest charge's first."""

    transaction_id = fields.String()
    transaction_ids = fields.List(fields.String())
    user_id = fields.String()
    user_name = fields.String()
    refund_amount = fields.Integer()
    balance_before = fields.Integer()
    balance_after = fields.Integer()
    description = fields.String()
    success = fields.Boolean()


class RefundedSubscriptionOut(AnswerSchema):
    """What was refunded of."""

    id = fields.String()
    service_name = fields.String()
    plan_name = fields.String()
    monthly_price = fields.Integer()


class RefundDetailsOut(AnswerSchema):
    """Who gave how much back, and why."""

    amount = fields.Integer()
    refund_type = fields.String()
    reason = fields.String()
    processed_by = fields.String()


class RefundedOut(AnswerSchema):
    """What came of a refund."""

    refund = fields.Nested(RefundOut)
    subscription = fields.Nested(RefundedSubscriptionOut)
    user = fields.Nested(OwnerNameOut)
    refund_details = fields.Nested(RefundDetailsOut)


class ExtensionOut(AnswerSchema):
    """By how much the period was extended."""

    days = fields.Integer()
    previous_end_date = Timestamp()
    new_end_date = Timestamp()
    reason = fields.String()
    processed_by = fields.String()


class ExtendedOut(AnswerSchema):
    """What came of an extension."""

    subscription = fields.Nested(SubscriptionOut)
    extension = fields.Nested(ExtensionOut)


class ExpireActionOut(AnswerSchema):
    """Who ended it, and why."""

    expired_by = fields.String()
    reason = fields.String()
    terminate_instances = fields.Boolean()


class ExpiredOut(AnswerSchema):
    """What came of an expiry by staff: the instance is stopped, its data are kept."""

    subscription = fields.Nested(SubscriptionOut)
    instances_terminated = fields.Integer()
    message = fields.String()
    next_steps = fields.List(fields.String())
    admin_action = fields.Nested(ExpireActionOut)


class ExpireIn(ReasonIn):
    """End the service now. The flag is read and has no effect: an expired instance is stopped, never deleted."""

    terminate_instances = fields.Boolean(load_default=True)
