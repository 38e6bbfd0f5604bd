"""Coupons for administrators: list, issue, change, switch, delete, figures: /api/v1/admin/coupons."""

from typing import Any

from flask import g

from minispod.api.envelope import Answer, Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.promotions import (
    BulkStatusIn,
    CouponDetailsOut,
    CouponIn,
    CouponOneOut,
    CouponsOut,
    CouponsQuery,
    CouponStatisticsOut,
    CouponTermsIn,
    StatisticsQuery,
    UpdatedCountOut,
)
from minispod.insights import redemptions
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.promotions import issuing, queries
from minispod.promotions.issuing import Terms
from minispod.promotions.models import Coupon
from minispod.rules import business_rules

door = Door("staff_promotions", __name__, url_prefix="/api/v1/admin/coupons", description="Coupons")

_NEWEST_USES = PageRequest(1, 100)
# What cannot be unset: a blank leaves it as it is, on a new coupon as it is by default.
_NEVER_BLANK = ("status", "max_uses_per_user", "valid_from")
# What the dialog of the front end sends always (endpoints-frontend.md J2, J3). It leaves an emptied limit out, and
# promises that empty means unlimited: the whole form without one has none. Whoever sends less changes what they send.
_WHOLE_FORM = {"name", "type", "description", "valid_from", "valid_until"}


@door.get("")
@requires_staff
@door.arguments(CouponsQuery, location="query")
@door.answers(200, CouponsOut, message="Coupons retrieved successfully")
def list_coupons(query: dict[str, Any]) -> dict[str, Any]:
    """List coupons, newest first."""
    at = current_ports().clock.now()
    page = queries.list_coupons(
        wanted_page(query),
        search=query["search"] or "",
        type_=query["type"],
        status=query["status"],
        service_id=parse_id(query["service_id"]) if query["service_id"] else None,
        at=at,
    )
    counts = queries.count_redemptions([each.id for each in page.items])
    rows = [{**_row(each), "count": {"redemptions": counts.get(each.id, 0)}} for each in page.items]
    return {"coupons": rows, "pagination": pagination(page)}


@door.post("")
@requires_staff
@door.arguments(CouponIn)
@door.answers(201, CouponOneOut, message="Coupon created successfully")
def create_coupon(body: dict[str, Any]) -> dict[str, Any]:
    """Issue a coupon; without `maxUses` it may be used without limit."""
    ports = current_ports()
    at = ports.clock.now()
    code = body.pop("code")
    with unit_of_work(ports.courier):
        terms = Terms(**{"valid_from": at, **_changes(body)})
        coupon = issuing.issue(code, terms, actor=g.actor, at=at)
    return {"coupon": _row(queries.get_coupon(coupon.id))}


@door.get("/statistics")
@requires_staff
@door.arguments(StatisticsQuery, location="query")
@door.answers(200, CouponStatisticsOut, message="Coupon statistics retrieved successfully")
def show_statistics(query: dict[str, Any]) -> dict[str, Any]:
    """Count coupons and redemptions, in all and of the period."""
    at, zone = current_ports().clock.now(), business_rules(current_settings()).zone
    return {"statistics": redemptions.statistics(query["period"], at=at, zone=zone)}


@door.put("/bulk-status")
@requires_staff
@door.arguments(BulkStatusIn)
@door.answers(200, UpdatedCountOut, message="Coupons updated successfully")
def set_status(body: dict[str, Any]) -> Any:
    """Switch several coupons at once."""
    ports = current_ports()
    ids = [parse_id(each) for each in body["coupon_ids"]]
    with unit_of_work(ports.courier):
        number = issuing.set_status(ids, body["status"], actor=g.actor, at=ports.clock.now())
    return Answer({"updated_count": number}, message=f"{number} coupons updated successfully")


@door.get("/<coupon_id>")
@requires_staff
@door.answers(200, CouponDetailsOut, message="Coupon details retrieved successfully")
def show_coupon(coupon_id: str) -> dict[str, Any]:
    """Show one coupon with its newest uses."""
    coupon = queries.get_coupon(parse_id(coupon_id))
    uses = redemptions.uses_of(coupon.id, _NEWEST_USES)
    return {"coupon": {**_row(coupon), "redemptions": uses.items, "count": {"redemptions": uses.total}}}


@door.put("/<coupon_id>")
@requires_staff
@door.arguments(CouponTermsIn)
@door.answers(200, CouponOneOut, message="Coupon updated successfully")
def change_coupon(body: dict[str, Any], coupon_id: str) -> dict[str, Any]:
    """Change the given terms; what was redeemed keeps its worth. The code stays.

    `maxUses` null, blank or 0 is without limit; so is the whole form (`name`, `type`, `description`, `validFrom`,
    `validUntil`) without it. Else an absent one stays as it is.
    """
    ports = current_ports()
    if body.keys() >= _WHOLE_FORM:
        body.setdefault("max_uses", None)
    with unit_of_work(ports.courier):
        coupon = issuing.change(parse_id(coupon_id), _changes(body), actor=g.actor, at=ports.clock.now())
    return {"coupon": _row(queries.get_coupon(coupon.id))}


@door.delete("/<coupon_id>")
@requires_staff
@door.answers(200, message="Coupon deleted successfully")
def delete_coupon(coupon_id: str) -> None:
    """Delete a coupon nobody has redeemed."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        issuing.delete(parse_id(coupon_id), actor=g.actor, at=ports.clock.now())


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    """The terms that were sent. 0 uses, like none, is without limit."""
    changes = {name: value for name, value in body.items() if value is not None or name not in _NEVER_BLANK}
    if changes.get("max_uses_per_user") == 0:
        del changes["max_uses_per_user"]
    if changes.get("max_uses") == 0:
        changes["max_uses"] = None
    if changes.get("service_id"):
        changes["service_id"] = parse_id(changes["service_id"])
    return changes


def _row(coupon: Coupon) -> dict[str, Any]:
    return {
        "id": coupon.id,
        "code": coupon.code,
        "name": coupon.name,
        "description": coupon.description,
        "type": coupon.type,
        "status": coupon.status_at(current_ports().clock.now()),
        "credit_amount": coupon.credit_amount,
        "discount_type": coupon.discount_type,
        "discount_percent": coupon.discount_percent,
        "max_uses": coupon.max_uses,
        "used_count": coupon.used_count,
        "max_uses_per_user": coupon.max_uses_per_user,
        "service_id": coupon.service_id,
        "plan_type": coupon.plan_type,
        "valid_from": coupon.valid_from,
        "valid_until": coupon.valid_until,
        "created_by": coupon.created_by or "system",
        "created_at": coupon.created_at,
        "updated_at": coupon.updated_at,
        "service": coupon.service,
    }
