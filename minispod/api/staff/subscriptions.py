"""Subscriptions of all customers, for administrators: /api/v1/admin/subscriptions.

Whatever moves money or ends something needs a reason, which the audit trail keeps.
"""

from collections.abc import Sequence
from typing import Any

from flask import g

from minispod.accounts import directory
from minispod.accounts.models import User
from minispod.api.envelope import Answer, Door, enveloped
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import RequestKeyHeader, pagination, wanted_page
from minispod.api.schemas.staff_subscriptions import (
    ExpiredOut,
    ExpireIn,
    ExtendedOut,
    ExtendIn,
    ForceCancelIn,
    ForceCancelledOut,
    GrantedOut,
    GrantIn,
    RefundedOut,
    RefundIn,
    StaffPlanChangeIn,
    StaffSubscriptionQuery,
    StaffSubscriptionsOut,
    StaffUpgradedOut,
)
from minispod.api.subscriptions import ORDERED_BEFORE, subscription_row
from minispod.api.upgrades import amounts_of, changed_row, message_of
from minispod.catalog import browsing
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.subscriptions import (
    cancellation,
    changing,
    expiry,
    ordering,
    queries,
    refunding,
    stewardship,
)
from minispod.subscriptions.models import PlanChange, Refund
from minispod.subscriptions.queries import OwnedSubscription

door = Door(
    "staff_subscriptions",
    __name__,
    url_prefix="/api/v1/admin/subscriptions",
    description="Subscriptions of all customers",
)


@door.get("")
@requires_staff
@door.arguments(StaffSubscriptionQuery, location="query")
@door.answers(200, StaffSubscriptionsOut, message="Subscriptions retrieved successfully")
def list_subscriptions(query: dict[str, Any]) -> dict[str, Any]:
    """List subscriptions, newest first unless sorted; the search looks into owner, service, plan and host."""
    found = queries.list_all(
        wanted_page(query),
        search=query["search"],
        status=query["status"],
        service_id=parse_id(query["service_id"]) if query["service_id"] else None,
        sort=query["sort_by"] or queries.SortKey.CREATED,
        ascending=query["sort_order"] == "asc",
    )
    rows = [{**subscription_row(each), "user": each.owner} for each in found.items]
    return {"subscriptions": rows, "pagination": pagination(found)}


@door.post("")
@requires_staff
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(GrantIn)
@door.alt_response(200, schema=enveloped(GrantedOut), description=ORDERED_BEFORE)
@door.answers(201, GrantedOut, message="Subscription created successfully")
def grant(headers: dict[str, Any], body: dict[str, Any]) -> Any:
    """Order for a customer; a bonus waives the first period, and its reason is kept with the period."""
    ports, user = current_ports(), directory.get_user(parse_id(body["user_id"]))
    is_bonus = body["skip_credit_check"]
    with unit_of_work(ports.courier, Step.ORDER):
        placed = ordering.place_order(
            parse_id(body["plan_id"]),
            user_id=user.id,
            request_key=headers["request_key"],
            reason=body["reason"],
            is_waived=is_bonus,
            rules=business_rules(current_settings()),
            sealer=ports.sealer,
            actor=g.actor,
            at=ports.clock.now(),
        )
    owned = queries.get_subscription(placed.subscription.id, actor=g.actor)
    row = owned.subscription
    data = {
        "subscription": subscription_row(owned),
        "user": user,
        "plan": {
            "id": row.plan.id,
            "name": row.plan.name,
            "service_name": row.service.name,
            "monthly_price": row.price,
        },
        "billing": {
            "charge_amount": placed.charged,
            "is_bonus_subscription": is_bonus,
            "original_price": row.price,
        },
        "admin_action": {
            "created_by": g.user.id,
            "reason": body["reason"],
            "skip_credit_check": is_bonus,
        },
    }
    message = "Bonus subscription created successfully (no charge)" if is_bonus else None
    return Answer(data, message, status=200 if placed.is_repeat else 201)


@door.put("/<subscription_id>/upgrade")
@requires_staff
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(StaffPlanChangeIn)
@door.answers(200, StaffUpgradedOut, message="Subscription upgraded successfully")
def change_plan(headers: dict[str, Any], body: dict[str, Any], subscription_id: str) -> Answer:
    """Move a subscription up or down; the difference is charged or credited unless it is waived."""
    ports = current_ports()
    with unit_of_work(ports.courier, Step.CHANGE_PLAN):
        changed = changing.change_for_customer(
            parse_id(subscription_id),
            parse_id(body["new_plan_id"]),
            reason=body["reason"],
            is_waived=body["skip_credit_check"],
            request_key=headers["request_key"],
            rules=business_rules(current_settings()),
            actor=g.actor,
            at=ports.clock.now(),
        )
    owned, change = _owned(subscription_id), changed.change
    data = {
        **changed_row(owned, changed),
        "user": _owner(owned),
        "upgrade": {
            "from_plan": _plan_of(change, is_new=False),
            "to_plan": _plan_of(change, is_new=True),
            **amounts_of(change),
        },
        "admin_action": {
            "upgraded_by": change.actor_id,
            "reason": change.reason,
            "skip_credit_check": change.is_waived,
        },
    }
    return Answer(data, message_of(change))


@door.delete("/<subscription_id>/force-cancel")
@requires_staff
@door.arguments(ForceCancelIn)
@door.answers(200, ForceCancelledOut, message="Subscription force-cancelled successfully")
def force_cancel(body: dict[str, Any], subscription_id: str) -> Answer:
    """End it now, with what is not used given back on wish; or, without terminating, at the end of its period."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    at_once = body["terminate_instances"]
    refunded = 0
    with unit_of_work(ports.courier, Step.CANCEL_SUBSCRIPTION):
        if at_once:
            _, refunded = cancellation.force_cancel(
                id_,
                reason=body["reason"],
                with_refund=body["process_refund"],
                rules=business_rules(current_settings()),
                actor=g.actor,
                at=ports.clock.now(),
            )
        else:
            cancellation.set_auto_renew(
                id_, False, reason=body["reason"], actor=g.actor, at=ports.clock.now()
            )
    message = (
        "Subscription force-cancelled successfully"
        if at_once
        else "Automatic renewal is off; the subscription ends with its period"
    )
    owned = _owned(subscription_id)
    data = {
        "subscription": subscription_row(owned),
        "instances_terminated": int(at_once),
        "refund": _cancel_refund(owned, refunded, body["process_refund"] and at_once),
        "message": message,
        "next_steps": ["The customer can order this service again"] if at_once else [message],
        "admin_action": {
            "cancelled_by": g.user.id,
            "reason": body["reason"],
            "process_refund": body["process_refund"],
            "immediate_termination": at_once,
        },
    }
    return Answer(data, message)


@door.post("/<subscription_id>/refund")
@requires_staff
@door.arguments(RequestKeyHeader, location="headers")
@door.arguments(RefundIn)
@door.answers(200, RefundedOut, message="Refund processed successfully")
def refund(headers: dict[str, Any], body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Give back a part, or all that is left, of what was paid; never more."""
    ports = current_ports()
    with unit_of_work(ports.courier, Step.REFUND_CHARGE):
        done = stewardship.refund(
            parse_id(subscription_id),
            body["amount"],
            reason=body["reason"],
            request_key=headers["request_key"],
            rules=business_rules(current_settings()),
            actor=g.actor,
            at=ports.clock.now(),
        )
    owned = _owned(subscription_id)
    user, row = _owner(owned), owned.subscription
    return {
        "refund": _refund_row(done.refunds, user),
        "subscription": {
            "id": row.id,
            "service_name": row.service.name,
            "plan_name": row.plan.name,
            "monthly_price": row.price,
        },
        "user": user,
        "refund_details": {
            "amount": done.amount,
            "refund_type": body["refund_type"],
            "reason": done.refunds[0].reason,
            "processed_by": done.refunds[0].actor_id,
        },
    }


@door.put("/<subscription_id>/extend")
@requires_staff
@door.arguments(ExtendIn)
@door.answers(200, ExtendedOut, message="Subscription extended successfully")
def extend(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Let the running period end later, for nothing."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        row, before = stewardship.extend(
            parse_id(subscription_id),
            body["extension_days"],
            reason=body["reason"],
            rules=business_rules(current_settings()),
            actor=g.actor,
            at=ports.clock.now(),
        )
    return {
        "subscription": subscription_row(_owned(subscription_id)),
        "extension": {
            "days": body["extension_days"],
            "previous_end_date": before,
            "new_end_date": row.ends_at,
            "reason": body["reason"],
            "processed_by": g.user.id,
        },
    }


@door.put("/<subscription_id>/expire")
@requires_staff
@door.arguments(ExpireIn)
@door.answers(200, ExpiredOut, message="Subscription expired successfully")
def expire(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """End the service now: the instance is stopped, its slot released, its data kept for the retention."""
    ports = current_ports()
    with unit_of_work(ports.courier, Step.EXPIRE_SUBSCRIPTION):
        expiry.expire(
            parse_id(subscription_id),
            reason=body["reason"],
            rules=business_rules(current_settings()),
            actor=g.actor,
            at=ports.clock.now(),
        )
    return {
        "subscription": subscription_row(_owned(subscription_id)),
        "instances_terminated": 0,
        "message": "Subscription expired successfully",
        "next_steps": [
            "The instance is being stopped; its data are kept for the retention",
            "The slot has been released",
            "Use the refund endpoint if a refund is needed",
        ],
        "admin_action": {
            "expired_by": g.user.id,
            "reason": body["reason"],
            "terminate_instances": body["terminate_instances"],
        },
    }


def _owned(subscription_id: str) -> OwnedSubscription:
    return queries.get_subscription(parse_id(subscription_id), actor=g.actor)


def _owner(owned: OwnedSubscription) -> User:
    return directory.get_user(owned.subscription.user_id)


def _plan_of(change: PlanChange, *, is_new: bool) -> dict[str, Any]:
    plan = browsing.get_plan(change.to_plan_id if is_new else change.from_plan_id)
    return {
        "id": plan.id,
        "name": plan.name,
        "plan_type": plan.plan_type.value,
        "monthly_price": change.to_price if is_new else change.from_price,
    }


def _cancel_refund(owned: OwnedSubscription, amount: int, was_wanted: bool) -> dict[str, Any]:
    if amount:
        newest = refunding.list_refunds(owned.subscription.id)[0]
        return {"amount": amount, "processed": True, "transaction_id": newest.entry_id}
    why = "Nothing was paid that is not used" if was_wanted else "No refund was asked for"
    return {"amount": 0, "processed": False, "reason": why}


def _refund_row(refunds: Sequence[Refund], user: User) -> dict[str, Any]:
    entries = [each.entry for each in refunds]
    return {
        "transaction_id": entries[0].id,
        "transaction_ids": [entry.id for entry in entries],
        "user_id": user.id,
        "user_name": user.name,
        "refund_amount": sum(entry.amount for entry in entries),
        "balance_before": entries[0].balance_before,
        "balance_after": entries[-1].balance_after,
        "description": entries[0].description,
        "success": True,
    }
