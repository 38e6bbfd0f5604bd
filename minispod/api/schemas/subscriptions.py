"""Subscriptions and their instances on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import SOMETIMES, AnswerSchema, Blank, Timestamp, WireSchema
from minispod.subscriptions.states import SubscriptionStatus


class OrderIn(WireSchema):
    """Which plan is ordered."""

    plan_id = fields.String(required=True, validate=validate.Length(1, 64))
    coupon_code = Blank(load_default=None, validate=validate.Length(max=50))


class SubscriptionQuery(WireSchema):
    """Which of one's subscriptions are wanted."""

    status = fields.Enum(SubscriptionStatus, by_value=True, load_default=None)


class AutoRenewIn(WireSchema):
    """Whether to renew by itself."""

    auto_renew = fields.Boolean(required=True)


class PlanBriefOut(AnswerSchema):
    """The plan of a subscription."""

    id = fields.String()
    name = fields.String()
    plan_type = fields.String(attribute="plan_type.value")
    description = fields.String(allow_none=True)
    monthly_price = fields.Integer()
    cpu_milli = fields.Integer()
    memory_mb = fields.Integer()
    storage_gb = fields.Integer()
    bandwidth = fields.Integer()
    features = fields.List(fields.String())
    max_instances_per_user = fields.Integer()
    max_domains = fields.Integer()


class ServiceBriefOut(AnswerSchema):
    """The service of a subscription."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()
    description = fields.String()
    icon = fields.String(allow_none=True)
    version = fields.String()
    docker_image = fields.String()
    default_port = fields.Integer()
    documentation = fields.String(allow_none=True)


class ConnectionOut(AnswerSchema):
    """Where a database is reached with TLS; host and port are null when it is not from outside."""

    host = fields.String(allow_none=True)
    port = fields.Integer(allow_none=True)
    inside_host = fields.String()
    inside_port = fields.Integer()
    certificate_ends_at = Timestamp(allow_none=True)


class InstanceOut(AnswerSchema):
    """One running application as its owner sees it."""

    id = fields.String()
    name = fields.String()
    subdomain = fields.String()
    status = fields.String()
    health_status = fields.String(allow_none=True)
    public_url = fields.String()
    admin_url = fields.String(allow_none=True)
    custom_domain = fields.String(allow_none=True)
    ssl_enabled = fields.Boolean()
    cpu_usage = fields.Integer(allow_none=True)
    memory_usage = fields.Float(allow_none=True)
    storage_usage = fields.Float(allow_none=True)
    pod_name = fields.String(allow_none=True)
    namespace = fields.String()
    created_at = Timestamp()
    last_started = Timestamp(allow_none=True)
    last_stopped = Timestamp(allow_none=True)
    last_health_check = Timestamp(allow_none=True)
    connection = fields.Nested(ConnectionOut, allow_none=True)


class ChargeOut(AnswerSchema):
    """One charge in the history of a subscription."""

    id = fields.String(attribute="entry.id")
    custom_id = fields.String(attribute="entry.custom_id")
    type = fields.String(attribute="entry.type.value")
    status = fields.Constant("COMPLETED")
    amount = fields.Integer(attribute="entry.amount")
    description = fields.String(attribute="entry.description")
    invoice_id = fields.String(allow_none=True)
    invoice_number = fields.String()
    created_at = Timestamp(attribute="entry.created_at")
    completed_at = Timestamp()


class BillingInfoOut(AnswerSchema):
    """When and how much is due next."""

    next_billing_date = Timestamp(allow_none=True)
    days_until_billing = fields.Integer()
    monthly_price = fields.Integer()
    auto_renew = fields.Boolean()
    grace_period_end = Timestamp(allow_none=True)
    next_charge_amount = fields.Integer()


class InstanceCountOut(AnswerSchema):
    """How many instances a subscription has."""

    instances = fields.Integer()


class SubscriptionOut(AnswerSchema):
    """A subscription with plan, service and instance (the current one first)."""

    id = fields.String()
    user_id = fields.String()
    service_id = fields.String()
    plan_id = fields.String()
    status = fields.String()
    start_date = Timestamp()
    end_date = Timestamp()
    last_billed = Timestamp(allow_none=True)
    next_billing = Timestamp(allow_none=True)
    monthly_price = fields.Integer()
    last_charge_amount = fields.Integer()
    failed_charges = fields.Integer()
    previous_plan_id = fields.String(allow_none=True)
    upgrade_date = Timestamp(allow_none=True)
    downgrade_to = fields.String(allow_none=True)
    auto_renew = fields.Boolean()
    grace_period_end = Timestamp(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    service = fields.Nested(ServiceBriefOut)
    plan = fields.Nested(PlanBriefOut)
    instances = fields.List(fields.Nested(InstanceOut))
    count = fields.Nested(InstanceCountOut, data_key="_count")


class SubscriptionDetailOut(SubscriptionOut):
    """A subscription with its charges and what is due next."""

    transactions = fields.List(fields.Nested(ChargeOut))
    billing_info = fields.Nested(BillingInfoOut)


class SubscriptionsOut(AnswerSchema):
    """One's own subscriptions."""

    subscriptions = fields.List(fields.Nested(SubscriptionOut))


class SubscriptionOneOut(AnswerSchema):
    """One subscription."""

    subscription = fields.Nested(SubscriptionDetailOut)


class DiscountOut(AnswerSchema):
    """What a discount coupon did to the first charge."""

    coupon_code = fields.String()
    original_amount = fields.Integer()
    discount_amount = fields.Integer()
    final_amount = fields.Integer()


class FreeServiceOut(AnswerSchema):
    """What a free-service coupon was worth."""

    coupon_code = fields.String()
    redemption_id = fields.String()
    free_service_value = fields.Integer()


class OrderedOut(AnswerSchema):
    """What came of an order."""

    subscription = fields.Nested(SubscriptionOut)
    message = fields.String()
    charge_amount = fields.Integer()
    original_amount = fields.Integer()
    discount_amount = fields.Integer()
    final_amount = fields.Integer()
    is_bonus_subscription = fields.Boolean()
    is_free_service = fields.Boolean()
    coupon_applied = fields.Boolean()
    is_reactivation = fields.Boolean()
    discount = fields.Nested(DiscountOut, metadata=SOMETIMES)
    free_service = fields.Nested(FreeServiceOut, metadata=SOMETIMES)
    next_steps = fields.List(fields.String())


class CancelIn(WireSchema):
    """Why one's own subscription is cancelled, for the staff to read; nobody has to say."""

    reason = Blank(load_default=None, validate=validate.Length(3, 500))


class CancelledOut(AnswerSchema):
    """What came of a cancellation."""

    subscription = fields.Nested(SubscriptionOut)
    refund_amount = fields.Integer()
    refund_processed = fields.Boolean()
    instances_terminated = fields.Integer()
    days_remaining = fields.Integer()
    end_date = Timestamp()
    message = fields.String()
    next_steps = fields.List(fields.String())


class SwitchedSubscriptionOut(AnswerSchema):
    """A subscription without service and plan: the client merges it over what it has (contract, E5)."""

    id = fields.String()
    status = fields.String()
    auto_renew = fields.Boolean()
    end_date = Timestamp()
    next_billing = Timestamp(allow_none=True)
    monthly_price = fields.Integer()


class AutoRenewOut(AnswerSchema):
    """What came of the switch."""

    subscription = fields.Nested(SwitchedSubscriptionOut)
    billing_info = fields.Nested(BillingInfoOut)
    message = fields.String()
    next_steps = fields.List(fields.String())


class RetriedInstanceOut(AnswerSchema):
    """The instance that is tried again."""

    id = fields.String()
    name = fields.String()
    status = fields.String()
    previous_status = fields.String()


class RetriedOut(AnswerSchema):
    """What came of a retry."""

    subscription = fields.Nested(SubscriptionOut)
    instance = fields.Nested(RetriedInstanceOut, allow_none=True)
    message = fields.String()
    estimated_time = fields.String()
    next_steps = fields.List(fields.String())


class PlanChangeIn(WireSchema):
    """Which plan the subscription is to have."""

    new_plan_id = fields.String(required=True, validate=validate.Length(1, 64))


class UpgradedOut(AnswerSchema):
    """What came of a change of plan; amounts below zero were given back."""

    subscription = fields.Nested(SubscriptionOut)
    upgrade_cost = fields.Integer()
    actual_charge = fields.Integer()
    prorated_days = fields.Integer()
    is_bonus_upgrade = fields.Boolean()
    instance_update_result = fields.Raw(
        allow_none=True,
        metadata={"type": "object", "description": "Always null: the instance follows by itself"},
    )
    message = fields.String()
    next_steps = fields.List(fields.String())


class ResourcesOut(AnswerSchema):
    """What a plan gives an instance."""

    cpu_milli = fields.Integer()
    memory_mb = fields.Integer()
    storage_gb = fields.Integer()


class PricedPlanOut(AnswerSchema):
    """A plan with its price and what it gives."""

    id = fields.String()
    name = fields.String()
    plan_type = fields.String()
    monthly_price = fields.Integer()
    resources = fields.Nested(ResourcesOut)


class CurrentPlanOut(PricedPlanOut):
    """The plan of a subscription, at the subscription's own price."""

    features = fields.List(fields.String())


class UpgradeOfferOut(PricedPlanOut):
    """A higher plan and what moving to it costs now; `upgradeCost` is what an upgrade charges."""

    upgrade_cost = fields.Integer()
    prorated_days = fields.Integer()
    quota_available = fields.Boolean()
    can_upgrade = fields.Boolean()
    reason = fields.String(metadata=SOMETIMES)


class UpgraderOut(AnswerSchema):
    """What the customer could afford."""

    credit_balance = fields.Integer()
    has_upgrade_options = fields.Boolean()
    can_upgrade_any = fields.Boolean()


class UpgradeBillingOut(AnswerSchema):
    """The running period; `proratedRatio` is the share of it that is left, to two decimals."""

    days_remaining = fields.Integer()
    next_billing_date = Timestamp(allow_none=True)
    prorated_ratio = fields.Float()
    auto_renew = fields.Boolean()
    monthly_price = fields.Integer()
    last_charge_amount = fields.Integer()
    next_charge_amount = fields.Integer()


class ServiceNameOut(AnswerSchema):
    """A service by its name."""

    id = fields.String()
    name = fields.String()
    slug = fields.String()


class UpgradeOptionsOut(AnswerSchema):
    """Where a subscription could move up to, and what that costs now."""

    current_plan = fields.Nested(CurrentPlanOut)
    available_upgrades = fields.List(fields.Nested(UpgradeOfferOut))
    user_info = fields.Nested(UpgraderOut)
    billing_info = fields.Nested(UpgradeBillingOut)
    service = fields.Nested(ServiceNameOut)


class ConnectionStringsOut(AnswerSchema):
    """How a database is connected to; `outside` is null when it is reached from inside only."""

    outside = fields.String(allow_none=True)
    inside = fields.String()
    certificate_authority = fields.String(
        metadata={"description": "PEM; checks our certificates (sslmode=verify-full)"}
    )


class AccessOut(AnswerSchema):
    """How to get into an instance."""

    text = fields.String()
    values = fields.Dict(keys=fields.String(), values=fields.String())
    connection = fields.Nested(ConnectionStringsOut, allow_none=True)
