"""Charging by hand: /api/v1/admin/billing. The same acts as the clock's, for what is due now.

A round does what it can within the request, each subscription in a unit of work of its own, and hands the rest
to the workers through the outbox; so it answers soon however much is due, and nothing is done twice.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from flask import g

from minispod.api.envelope import Answer, Door
from minispod.api.guard import limiter, requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.charging import (
    REASON_UNSAID,
    BillingStatsOut,
    ExpiryIn,
    GraceIn,
    GracesOut,
    JobResultOut,
    JobStatusOut,
    LowCreditOut,
    LowCreditQuery,
    OneSubscriptionOut,
    RemindersOut,
    RenewalsOut,
)
from minispod.api.subscriptions import subscription_row
from minispod.insights import billing
from minispod.kernel import outbox
from minispod.kernel.faultpoints import Step
from minispod.kernel.ids import parse_id
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.subscriptions import expiry, graces, queries, reminders, rounds
from minispod.subscriptions.errors import NoSuchJob
from minispod.subscriptions.rounds import Looked, Result
from minispod.subscriptions.rules import BusinessRules

_GRACE_DAYS = 7

door = Door("staff_charging", __name__, url_prefix="/api/v1/admin/billing", description="Charging by hand")

AT_ONCE = 50
"""So many subscriptions of a round are looked at within the request, as far as the seconds reach."""

SECONDS_AT_ONCE = 5.0
_MOST = 1000
_BUTTON = "30 per minute"
Found = TypeVar("Found")


@door.get("/stats")
@requires_staff
@door.answers(200, BillingStatsOut, message="Billing statistics retrieved successfully")
def show_stats() -> dict[str, Any]:
    """Show charging in figures."""
    return _stats()


@door.post("/process-renewals")
@requires_staff
@limiter.limit(_BUTTON)
@door.answers(200, RenewalsOut, message="Auto-renewal processing completed")
def process_renewals() -> dict[str, Any]:
    """Renew what is due now; a renewal that is not covered begins or keeps its payment grace."""
    return _renewals()


@door.post("/process-grace-period")
@requires_staff
@limiter.limit(_BUTTON)
@door.answers(200, GracesOut, message="Grace period processing completed")
def process_graces() -> dict[str, Any]:
    """Look at the payment graces that are over: renew what is covered by now, let the others expire."""
    return _graces()


@door.get("/low-credit")
@requires_staff
@door.arguments(LowCreditQuery, location="query")
@door.answers(200, LowCreditOut, message="Low credit subscriptions retrieved successfully")
def list_low_credit(query: dict[str, Any]) -> dict[str, Any]:
    """List subscriptions whose renewal is near or over and not covered."""
    found = billing.short_of_credit(wanted_page(query), rules=_rules(), at=_now())
    rows = [
        {
            **subscription_row(each.owned),
            "user": {
                "id": each.owner.id,
                "name": each.owner.name,
                "email": each.owner.email,
                "credit_balance": each.balance,
            },
        }
        for each in found.items
    ]
    return {"subscriptions": rows, "count": found.total, "pagination": pagination(found)}


@door.post("/send-low-credit-notifications")
@requires_staff
@limiter.limit(_BUTTON)
@door.answers(200, RemindersOut, message="Low credit notifications sent")
def send_low_credit() -> dict[str, Any]:
    """Warn the customers whose coming renewal is not covered; each once a day."""
    return _low_credit()


@door.get("/job-status")
@requires_staff
@door.answers(200, JobStatusOut, message="Job status retrieved successfully")
def show_job_status() -> dict[str, Any]:
    """Show which charging waits or runs in the background."""
    found = billing.background_work(_now())
    return {
        "is_running": found.is_attended,
        "active_jobs": [kind.task for kind in found.kinds],
        "job_count": found.total,
    }


@door.post("/run-job/<job_name>")
@requires_staff
@limiter.limit(_BUTTON)
@door.answers(200, JobResultOut(partial=True), message="Job executed successfully")
def run_job(job_name: str) -> Answer:
    """Run a billing job by its name: daily-renewals, grace-period, low-credit-notifications, ..."""
    job = _JOBS.get(job_name)
    if job is None:
        raise NoSuchJob(jobs=sorted(_JOBS))
    return Answer(job(), f"Job {job_name} executed successfully")


@door.post("/set-grace-period/<subscription_id>")
@requires_staff
@door.arguments(GraceIn)
@door.answers(200, OneSubscriptionOut, message="Grace period set successfully")
def set_grace_period(wanted: dict[str, Any], subscription_id: str) -> Answer:
    """Let a payment grace that runs, or begins now, end so many days from now."""
    days, ports = wanted["grace_days"] or _GRACE_DAYS, current_ports()
    with unit_of_work(ports.courier):
        graces.set_end(
            parse_id(subscription_id),
            days,
            longest=current_settings().business.grace_period_max_days,
            rules=_rules(),
            actor=g.actor,
            at=ports.clock.now(),
        )
    return Answer(_shown(subscription_id), f"Grace period of {days} days set successfully")


@door.post("/expire/<subscription_id>")
@requires_staff
@door.arguments(ExpiryIn)
@door.answers(200, OneSubscriptionOut, message="Subscription expired successfully")
def expire(wanted: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """End the service now: the instance is stopped, its slot released, its data kept for the retention."""
    ports = current_ports()
    with unit_of_work(ports.courier, Step.EXPIRE_SUBSCRIPTION):
        expiry.expire(
            parse_id(subscription_id),
            reason=wanted["reason"] or REASON_UNSAID,
            rules=_rules(),
            actor=g.actor,
            at=ports.clock.now(),
        )
    return _shown(subscription_id)


def _stats() -> dict[str, Any]:
    rules, at = _rules(), _now()
    found = billing.figures(zone=rules.zone, at=at)
    return {
        "total_active_subscriptions": found.renewing,
        "subscriptions_due_for_renewal": found.due,
        "subscriptions_in_grace_period": found.in_grace,
        "monthly_revenue": found.month_revenue,
        "monthly_recurring_revenue": found.monthly_recurring,
        "failed_renewals": found.failed,
        "last_updated": at,
    }


def _renewals() -> dict[str, Any]:
    looked, rest = _in_time(rounds.renewals_due(_now(), limit=_MOST), _look)
    _leave_to_workers(rest, Task.ADVANCE_SUBSCRIPTION)
    touched = [each for each in looked if each.result is not Result.DONE_BEFORE]
    successful = sum(each.result is Result.RENEWED for each in touched)
    return {
        "processed": len(touched),
        "successful": successful,
        "failed": len(touched) - successful,
        "insufficient_credit": sum(each.result is Result.UNPAID for each in touched),
        "quota_exceeded": 0,
        "queued": len(rest),
        "errors": [_problem(each) for each in touched if each.result is not Result.RENEWED],
    }


def _graces() -> dict[str, Any]:
    looked, rest = _in_time(rounds.graces_over(_now(), limit=_MOST), _look)
    _leave_to_workers(rest, Task.ADVANCE_SUBSCRIPTION)
    touched = [each for each in looked if each.result is not Result.DONE_BEFORE]
    renewed = sum(each.result is Result.RENEWED for each in touched)
    given_back = [each for each in touched if each.result is Result.GIVEN_BACK]
    return {
        "processed": len(touched),
        "expired": len(touched) - renewed - len(given_back),
        "renewed": renewed,
        "queued": len(rest),
        "errors": [_problem(each) for each in given_back],
    }


def _low_credit() -> dict[str, Any]:
    found = rounds.soon_short_of_credit(_now(), rules=_rules(), limit=_MOST)
    return _reminded(found, _remind_of_credit, about="renewal")


def _grace_reminders() -> dict[str, Any]:
    return _reminded(rounds.graces_running(_now(), limit=_MOST), _remind_of_grace, about="grace")


def _reminded(
    found: Sequence[uuid.UUID], remind: Callable[[uuid.UUID], None], *, about: str
) -> dict[str, Any]:
    told, rest = _in_time(found, remind)
    _leave_to_workers(rest, Task.SEND_REMINDER, about=about)
    return {
        "processed": len(told),
        "successful": len(told),
        "failed": 0,
        "queued": len(rest),
        "errors": [],
    }


_JOBS: dict[str, Callable[[], dict[str, Any]]] = {
    "daily-renewals": _renewals,
    "grace-period": _graces,
    "low-credit-notifications": _low_credit,
    "grace-period-reminders": _grace_reminders,
    "billing-stats": _stats,
}


def _in_time(
    ids: Sequence[uuid.UUID], act: Callable[[uuid.UUID], Found]
) -> tuple[list[Found], Sequence[uuid.UUID]]:
    """Act on the first of them, as many as the request has time for; gives the outcomes and those that are left."""
    ends, done = time.monotonic() + SECONDS_AT_ONCE, []
    for id_ in ids[:AT_ONCE]:
        if time.monotonic() > ends:
            break
        done.append(act(id_))
    return done, ids[len(done) :]


def _look(subscription_id: uuid.UUID) -> Looked:
    ports = current_ports()
    with unit_of_work(ports.courier, Step.ADVANCE):
        return rounds.look(subscription_id, rules=_rules(), actor=g.actor, at=ports.clock.now())


def _remind_of_credit(subscription_id: uuid.UUID) -> None:
    ports = current_ports()
    with unit_of_work(ports.courier):
        reminders.remind(subscription_id, rules=_rules(), at=ports.clock.now())


def _remind_of_grace(subscription_id: uuid.UUID) -> None:
    ports = current_ports()
    with unit_of_work(ports.courier):
        graces.remind(subscription_id, is_asked=True, rules=_rules(), at=ports.clock.now())


def _leave_to_workers(ids: Sequence[uuid.UUID], task: Task, **args: str) -> None:
    if not ids:
        return
    ports = current_ports()
    with unit_of_work(ports.courier, Step.FAN_OUT_CALENDAR):
        wishes = {":".join((*args.values(), str(id_))): {"subscription_id": str(id_), **args} for id_ in ids}
        outbox.ensure_each(task, wishes, at=ports.clock.now())


def _problem(looked: Looked) -> dict[str, Any]:
    unpaid = f"Insufficient credit. Balance: {looked.balance}, Required: {looked.price}"
    why = {
        Result.UNPAID: unpaid,
        Result.EXPIRED: "Expired: it is not to be renewed",
        Result.GIVEN_BACK: "Cancelled and refunded: the instance never ran",
    }
    return {
        "subscription_id": looked.subscription_id,
        "user_id": looked.user_id,
        "user_email": looked.user_email,
        "error": why[looked.result],
    }


def _shown(subscription_id: str) -> dict[str, Any]:
    return {
        "subscription": subscription_row(queries.get_subscription(parse_id(subscription_id), actor=g.actor))
    }


def _rules() -> BusinessRules:
    return business_rules(current_settings())


def _now() -> datetime:
    return current_ports().clock.now()
