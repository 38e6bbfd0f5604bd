"""Coupons: the list, one of them with its uses, and what staff do with them."""

import uuid
from typing import Any
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request, url_for

from minispod.admin import coupon_form, guard, pages
from minispod.admin.coupon_form import CouponForm
from minispod.admin.door import door
from minispod.catalog import showing
from minispod.catalog.models import PlanType, Service
from minispod.catalog.showing import ShownService
from minispod.insights import redemptions
from minispod.kernel.errors import Conflict, NotFound, RuleBroken
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.promotions import issuing, queries
from minispod.promotions.issuing import Terms
from minispod.promotions.models import Coupon
from minispod.promotions.states import CouponStatus, CouponType, DiscountType
from minispod.rules import business_rules

_SERVICES = PageRequest(1, 100)
_SETTABLE = (CouponStatus.ACTIVE, CouponStatus.DISABLED, CouponStatus.EXPIRED)


@door.get("/coupons")
def coupons_list() -> Any:
    """List coupons."""
    search, status, at = (
        pages.search_text(),
        pages.chosen(CouponStatus, "status"),
        current_ports().clock.now(),
    )
    found = queries.list_coupons(pages.page_request(), search=search, status=status, at=at)
    return pages.page_or_fragment(
        "admin/coupons/page.html",
        "admin/coupons/_list.html",
        found=found,
        search=search,
        status=status,
        statuses=CouponStatus,
        at=at,
    )


@door.get("/coupons/new")
def new_coupon() -> Any:
    """Ask for the terms of a new coupon."""
    return _form(coupon_form.EMPTY)


@door.post("/coupons/new")
def issue_coupon() -> Any:
    """Issue the coupon; terms that make none are said above the form, which keeps what was typed."""
    ports = current_ports()
    at, sent = ports.clock.now(), coupon_form.typed(request.form)
    try:
        terms: dict[str, Any] = {"name": "", "type": CouponType.CREDIT_TOPUP, "valid_from": at}
        terms |= coupon_form.changes(CouponForm({}), sent, _zone())
        with unit_of_work(ports.courier):
            coupon = issuing.issue(sent["code"], Terms(**terms), actor=guard.actor(), at=at)
    except (RuleBroken, Conflict, NotFound) as refusal:
        return _form(sent, problem=refusal.message)
    return pages.told(f"Coupon {coupon.code} is issued.", url_for("panel.coupon", coupon_id=coupon.id))


@door.get("/coupons/<coupon_id>")
def coupon(coupon_id: str) -> Any:
    """Show one coupon and its uses."""
    found = queries.get_coupon(parse_id(coupon_id))
    return pages.page_or_fragment(
        "admin/coupons/one.html",
        "admin/coupons/_uses.html",
        coupon=found,
        uses=redemptions.uses_of(found.id, pages.page_request()),
        at=current_ports().clock.now(),
    )


@door.get("/coupons/<coupon_id>/edit")
def edit_coupon(coupon_id: str) -> Any:
    """Ask for other terms."""
    found = queries.get_coupon(parse_id(coupon_id))
    return _form(coupon_form.filled_with(found, _zone()), found)


@door.post("/coupons/<coupon_id>/edit")
def change_coupon(coupon_id: str) -> Any:
    """Change what was changed in the form; refusals are said above it."""
    ports = current_ports()
    found = queries.get_coupon(parse_id(coupon_id))
    sent = coupon_form.typed(request.form)
    try:
        changes = coupon_form.changes(coupon_form.filled_with(found, _zone()), sent, _zone())
        with unit_of_work(ports.courier):
            issuing.change(found.id, changes, actor=guard.actor(), at=ports.clock.now())
    except (RuleBroken, Conflict, NotFound) as refusal:
        return _form(sent, found, problem=refusal.message)
    return pages.told(f"Coupon {found.code} is changed.", url_for("panel.coupon", coupon_id=found.id))


@door.post("/coupons/<coupon_id>/enable")
def enable_coupon(coupon_id: str) -> Any:
    """Switch a coupon on."""
    return _switched(coupon_id, CouponStatus.ACTIVE, "enabled")


@door.post("/coupons/<coupon_id>/disable")
def disable_coupon(coupon_id: str) -> Any:
    """Switch a coupon off."""
    return _switched(coupon_id, CouponStatus.DISABLED, "disabled")


@door.post("/coupons/<coupon_id>/delete")
def delete_coupon(coupon_id: str) -> Any:
    """Delete a coupon nobody has redeemed."""
    ports = current_ports()
    found = queries.get_coupon(parse_id(coupon_id))
    with unit_of_work(ports.courier):
        issuing.delete(found.id, actor=guard.actor(), at=ports.clock.now())
    return pages.told(f"Coupon {found.code} is deleted.", url_for("panel.coupons_list"))


def _switched(coupon_id: str, status: CouponStatus, what: str) -> Any:
    ports = current_ports()
    found = queries.get_coupon(parse_id(coupon_id))
    with unit_of_work(ports.courier):
        issuing.change(found.id, {"status": status}, actor=guard.actor(), at=ports.clock.now())
    return pages.told(f"Coupon {found.code} is {what}.", url_for("panel.coupon", coupon_id=found.id))


def _zone() -> ZoneInfo:
    return business_rules(current_settings()).zone


def _form(form: CouponForm, coupon: Coupon | None = None, *, problem: str | None = None) -> Any:
    page = render_template(
        "admin/coupons/form.html",
        form=form,
        coupon=coupon,
        problem=problem,
        zone=_zone().key,
        types=CouponType,
        statuses=_SETTABLE,
        discounts=DiscountType,
        plan_types=PlanType,
        services=_services(coupon),
    )
    return make_response(page, 400 if problem else 200)


def _services(coupon: Coupon | None) -> list[Service | ShownService]:
    """What a coupon may be for: all that is for sale, and what this one is for already."""
    known: dict[uuid.UUID, Service | ShownService] = {
        each.id: each for each in showing.list_services(_SERVICES).items
    }
    if coupon is not None and coupon.service is not None:
        known.setdefault(coupon.service.id, coupon.service)
    return list(known.values())
