"""Order, list, show, cancel, switch renewal, retry: /api/v1/subscriptions."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from flask import g

from minispod.api.envelope import Answer, Door, enveloped
from minispod.api.guard import limit_guesses, limiter, requires_sign_in
from minispod.api.passwords import mail_verification
from minispod.api.request_keys import acting, once_per_key
from minispod.api.schemas.base import RequestKeyHeader
from minispod.api.schemas.subscriptions import (
    AccessOut,
    AutoRenewIn,
    AutoRenewOut,
    CancelIn,
    CancelledOut,
    OrderedOut,
    OrderIn,
    RetriedOut,
    SubscriptionOneOut,
    SubscriptionQuery,
    SubscriptionsOut,
)
from minispod.insights import charges
from minispod.instances import queries as instance_queries
from minispod.instances.models import Instance
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.promotions.models import Redemption
from minispod.promotions.states import CouponType
from minispod.rules import business_rules
from minispod.subscriptions import cancellation, operating, ordering, queries
from minispod.subscriptions.charging import next_price
from minispod.subscriptions.errors import EmailNotProven, NotActive
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.pricing import days_until
from minispod.subscriptions.queries import OwnedSubscription

door = Door(
    "subscriptions", __name__, url_prefix="/api/v1/subscriptions", description="Orders and what came of them"
)

ORDERED_BEFORE = "Ordered before, under the same `Idempotency-Key`: this is what came of it"


def instance_row(instance: Instance) -> dict[str, Any]:
    """An instance as the wire shows it; the page of a database says how to connect."""
    return {
        "id": instance.id,
        "name": instance.name,
        "subdomain": instance.host,
        "status": instance.status.value,
        "health_status": instance.health_status,
        "public_url": instance.public_url,
        "admin_url": instance.public_url if instance.is_web else None,
        "custom_domain": instance.public_host
        if instance.is_web and instance.public_host != instance.host
        else None,
        "ssl_enabled": instance.tls or not instance.is_web,
        "cpu_usage": instance.cpu_usage,
        "memory_usage": instance.memory_usage,
        "storage_usage": None,
        "pod_name": instance.pod_name,
        "namespace": instance.namespace,
        "created_at": instance.created_at,
        "last_started": instance.last_started_at,
        "last_stopped": instance.last_stopped_at,
        "last_health_check": instance.last_health_check_at,
        "connection": instance_queries.connection_facts(instance),
    }


def subscription_row(owned: OwnedSubscription) -> dict[str, Any]:
    """A subscription as the wire shows it."""
    row, instance = owned.subscription, owned.instance
    instances = [instance_row(instance)] if instance else []
    return {
        "id": row.id,
        "user_id": row.user_id,
        "service_id": row.service_id,
        "plan_id": row.plan_id,
        "status": row.status.value,
        "start_date": row.started_at,
        "end_date": row.ends_at,
        "last_billed": row.billed_at,
        "next_billing": row.next_billing_at,
        "monthly_price": row.price,
        "last_charge_amount": row.last_charge,
        "failed_charges": row.failed_charges,
        "previous_plan_id": row.previous_plan_id,
        "upgrade_date": row.plan_changed_at,
        "downgrade_to": None,
        "auto_renew": row.auto_renew,
        "grace_period_end": row.grace_until,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "service": row.service,
        "plan": row.plan,
        "instances": instances,
        "count": {"instances": len(instances)},
    }


def _billing_info(row: Subscription, at: datetime) -> dict[str, Any]:
    return {
        "next_billing_date": row.next_billing_at,
        "days_until_billing": days_until(row.ends_at, at),
        "monthly_price": row.price,
        "auto_renew": row.auto_renew,
        "grace_period_end": row.grace_until,
        "next_charge_amount": next_price(row) if row.next_billing_at else 0,
    }


def _saved(redemption: Redemption) -> dict[str, Any]:
    """What a coupon did to an order."""
    amount, code = redemption.discount_amount or 0, redemption.coupon.code
    price = redemption.details.get("originalAmount", amount)
    saved = {"original_amount": price, "discount_amount": amount, "coupon_applied": True}
    if redemption.type is CouponType.FREE_SERVICE:
        free = {"coupon_code": code, "redemption_id": redemption.id, "free_service_value": amount}
        message = "Subscription created successfully, the first month is free"
        return {**saved, "message": message, "is_free_service": True, "free_service": free}
    discount = {
        "coupon_code": code,
        "original_amount": price,
        "discount_amount": amount,
        "final_amount": price - amount,
    }
    message = f"Subscription created successfully with {amount} IDR discount"
    return {**saved, "message": message, "discount": discount}


def _mine(subscription_id: str) -> OwnedSubscription:
    return queries.get_subscription(parse_id(subscription_id), actor=g.actor)


def _mails_who_must_prove(order: Callable[..., Any]) -> Callable[..., Any]:
    """Send the mail that proves an address with the refusal: the front end has no button for it."""

    @wraps(order)
    def mailing(*args: Any, **kwargs: Any) -> Any:
        try:
            return order(*args, **kwargs)
        except EmailNotProven:
            mail_verification()
            raise

    return mailing


@door.post("")
@requires_sign_in
@limiter.limit("60 per minute")
@limit_guesses
@door.arguments(RequestKeyHeader, location="headers")
@_mails_who_must_prove
@once_per_key(Step.ORDER)
@door.arguments(OrderIn)
@door.alt_response(200, schema=enveloped(OrderedOut), description=ORDERED_BEFORE)
@door.answers(201, OrderedOut, message="Subscription created successfully")
def order(headers: dict[str, Any], body: dict[str, Any]) -> Any:
    """Order a plan: debit, slot, subscription and instance in one transaction; provisioning follows."""
    ports, settings = current_ports(), current_settings()
    with acting(Step.ORDER):
        placed = ordering.place_order(
            parse_id(body["plan_id"]),
            user_id=g.user.id,
            coupon_code=body["coupon_code"],
            request_key=headers["request_key"],
            rules=business_rules(settings),
            sealer=ports.sealer,
            actor=g.actor,
            at=ports.clock.now(),
        )
    owned = (
        queries.get_subscription(placed.subscription.id, actor=g.actor)
        if placed.is_repeat
        else OwnedSubscription(placed.subscription, placed.instance)
    )
    data = {
        "subscription": subscription_row(owned),
        "message": "Subscription created successfully",
        "charge_amount": placed.charged,
        "original_amount": owned.subscription.price,
        "discount_amount": 0,
        "final_amount": placed.charged,
        "is_bonus_subscription": False,
        "is_free_service": False,
        "coupon_applied": False,
        "is_reactivation": placed.is_reactivation,
        "next_steps": [
            "Your instance is being provisioned",
            "You will get a mail as soon as it is ready",
            "The page shows its address once it runs",
        ],
    }
    if placed.redemption is not None:
        data |= _saved(placed.redemption)
    return Answer(data, status=200 if placed.is_repeat else 201)


@door.get("")
@requires_sign_in
@door.arguments(SubscriptionQuery, location="query")
@door.answers(200, SubscriptionsOut, message="Subscriptions retrieved successfully")
def list_subscriptions(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own subscriptions, newest first, each with its instance."""
    return {
        "subscriptions": [
            subscription_row(each) for each in queries.list_own(actor=g.actor, status=query["status"])
        ]
    }


@door.get("/<subscription_id>")
@requires_sign_in
@door.answers(200, SubscriptionOneOut, message="Subscription details retrieved successfully")
def show_subscription(subscription_id: str) -> dict[str, Any]:
    """Show one subscription with instance, charges and what is due next."""
    owned = _mine(subscription_id)
    row = subscription_row(owned)
    row["transactions"] = charges.charges_of(owned.subscription.id)
    row["billing_info"] = _billing_info(owned.subscription, current_ports().clock.now())
    return {"subscription": row}


@door.delete("/<subscription_id>")
@requires_sign_in
@door.arguments(CancelIn, required=False)
@door.answers(200, CancelledOut, message="Subscription cancelled successfully")
def cancel(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Cancel at once: the instance and its data are deleted; what never ran is refunded."""
    ports = current_ports()
    at = ports.clock.now()
    with unit_of_work(ports.courier, Step.CANCEL_SUBSCRIPTION):
        row, refunded = cancellation.cancel(
            parse_id(subscription_id),
            why=body["reason"],
            rules=business_rules(current_settings()),
            actor=g.actor,
            at=at,
        )
    return {
        "subscription": subscription_row(_mine(subscription_id)),
        "refund_amount": refunded,
        "refund_processed": refunded > 0,
        "instances_terminated": 1,
        "days_remaining": 0,
        "end_date": row.ended_at,
        "message": "The subscription is cancelled; the instance and its data are being deleted",
        "next_steps": ["You can order the service again at any time"],
    }


@door.put("/<subscription_id>/auto-renew")
@requires_sign_in
@door.arguments(AutoRenewIn)
@door.answers(200, AutoRenewOut, message="Auto-renewal updated successfully")
def set_auto_renew(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Switch automatic renewal."""
    ports, rules = current_ports(), business_rules(current_settings())
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        cancellation.set_auto_renew(parse_id(subscription_id), body["auto_renew"], actor=g.actor, at=at)
    owned = _mine(subscription_id)
    ends = owned.subscription.ends_at.astimezone(rules.zone).date().isoformat()
    on = owned.subscription.auto_renew
    sentence = (
        f"It renews by itself on {ends}" if on else f"It ends on {ends} unless you switch renewal on again"
    )
    return {
        "subscription": subscription_row(owned),
        "billing_info": _billing_info(owned.subscription, at),
        "message": sentence,
        "next_steps": [sentence],
    }


@door.post("/<subscription_id>/retry-provisioning")
@requires_sign_in
@door.answers(200, RetriedOut, message="Provisioning is being tried again")
def retry(subscription_id: str) -> dict[str, Any]:
    """Try a failed instance again."""
    ports = current_ports()
    owned = _mine(subscription_id)
    if owned.instance is None:
        raise NotActive(status=owned.subscription.status.value)
    with unit_of_work(ports.courier):
        before = operating.retry(owned.instance.id, actor=g.actor, at=ports.clock.now())
    owned = _mine(subscription_id)
    instance = owned.instance
    return {
        "subscription": subscription_row(owned),
        "instance": instance
        and {
            "id": instance.id,
            "name": instance.name,
            "status": instance.status.value,
            "previous_status": before.value,
        },
        "message": "Provisioning is being tried again",
        "estimated_time": "1-5 minutes",
        "next_steps": ["You will get a mail as soon as it is ready"],
    }


@door.post("/<subscription_id>/access")
@requires_sign_in
@limiter.limit("30 per hour")
@door.answers(200, AccessOut, message="Access shown")
def show_access(subscription_id: str) -> dict[str, Any]:
    """Show how to get in, with the generated secrets; the showing is audited."""
    ports = current_ports()
    owned = _mine(subscription_id)
    if owned.instance is None:
        raise NotActive()
    with unit_of_work(ports.courier):
        access = instance_queries.show_access(
            owned.instance.id, sealer=ports.sealer, actor=g.actor, at=ports.clock.now()
        )
    return {"text": access.text, "values": access.values, "connection": access.connection}
