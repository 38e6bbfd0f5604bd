"""The administrators' edit of a subscription: the few fields that no money and no promise hang on.

Everything else follows from something that is recorded (a period, a charge, an end), so editing it alone would make
the books and the customer's promise disagree; each such field has the act that changes it with all that belongs to it.
A field that is sent back as it is changes nothing and is never refused.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from minispod.audit import trail
from minispod.kernel.actor import Actor
from minispod.subscriptions import cancellation
from minispod.subscriptions.errors import NotEditable, NothingToEdit
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.queries import lock_own

_CALENDAR = "the period: PUT /api/v1/admin/subscriptions/<id>/extend lets it end later"
_LEDGER = "the ledger: it says what was charged, and when"
# By which act, or from what, each of the others follows.
INSTEAD = {
    "status": (
        "PUT /api/v1/admin/subscriptions/<id>/expire ends it with its data kept, "
        "DELETE /api/v1/admin/subscriptions/<id>/force-cancel for good"
    ),
    "start_date": "the first period, which is paid",
    "end_date": _CALENDAR,
    "next_billing": "the end of the period and `autoRenew`",
    "last_billed": _LEDGER,
    "last_charge_amount": _LEDGER,
    "monthly_price": "the plan: PUT /api/v1/admin/subscriptions/<id>/upgrade; a price is kept (decision 10)",
    "grace_period_end": "POST /api/v1/admin/billing/set-grace-period/<id>",
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field (by its name on the wire, in snake case) from what to what; `follows`: by itself, from another."""

    field: str
    before: Any
    after: Any
    follows: bool = False


def facts_of(row: Subscription) -> dict[str, Any]:
    """The editable fields, and those that only look so, as they are."""
    return {
        "status": row.status,
        "start_date": row.started_at,
        "end_date": row.ends_at,
        "next_billing": row.next_billing_at,
        "last_billed": row.billed_at,
        "monthly_price": row.price,
        "last_charge_amount": row.last_charge,
        "failed_charges": row.failed_charges,
        "auto_renew": row.auto_renew,
        "grace_period_end": row.grace_until,
    }


def edit(
    subscription_id: uuid.UUID,
    wanted: Mapping[str, Any],
    *,
    reason: str | None = None,
    actor: Actor,
    at: datetime,
) -> tuple[dict[str, Any], list[FieldChange]]:
    """Switch renewal, correct the count of failed charges; returns what was, and what was changed.

    Refuses NoSuchSubscription, NothingToEdit, NotEditable, and NotActive for a renewal that nothing can bring.
    """
    if not wanted:
        raise NothingToEdit()
    row = lock_own(subscription_id, actor=actor)
    before = facts_of(row)
    different = {name: value for name, value in wanted.items() if not _is_same(value, before[name])}
    if refused := {name: INSTEAD[name] for name in different if name in INSTEAD}:
        raise NotEditable(fields=refused)
    if "auto_renew" in different:
        cancellation.set_auto_renew(row.id, different["auto_renew"], actor=actor, at=at, reason=reason)
    if "failed_charges" in different:
        row.failed_charges = different["failed_charges"]
        row.updated_at = at
        trail.record(
            actor,
            trail.Action.SUBSCRIPTION_EDITED,
            at=at,
            subject_kind="subscription",
            subject_id=row.id,
            failed_charges_before=before["failed_charges"],
            failed_charges=row.failed_charges,
            reason=reason,
        )
    after = facts_of(row)
    changes = [
        FieldChange(name, before[name], after[name], follows=name not in different)
        for name in after
        if after[name] != before[name]
    ]
    return before, changes


def _is_same(one: Any, other: Any) -> bool:
    """Instants come back from the wire to the millisecond."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return abs(one - other) < timedelta(milliseconds=1)
    return bool(one == other)
