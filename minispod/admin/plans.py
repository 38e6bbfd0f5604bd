"""Plans: one of them with its slots, its price and what customers pay; a price is previewed before it holds for all."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for

from minispod.admin import catalogue_form, guard, pages
from minispod.admin.catalogue import shown_form, submitted
from minispod.admin.catalogue_form import NEW_PLAN_FORM, PLAN_FORM, whole_number
from minispod.admin.door import door
from minispod.catalog import planning, queries, quota
from minispod.catalog.models import Plan, PlanType, Service
from minispod.catalog.terms import PLAN
from minispod.insights import catalogue as figures
from minispod.kernel.errors import RuleBroken
from minispod.kernel.ids import parse_id
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.rules import business_rules
from minispod.subscriptions import announcing

_LEAST_REASON, _LONGEST_REASON = 3, 500


@door.get("/catalogue/plans/<plan_id>")
def plan(plan_id: str) -> Any:
    """Show one plan."""
    found = queries.get_plan(parse_id(plan_id))
    return render_template(
        "admin/catalogue/plan.html",
        plan=found,
        sold=figures.sold_by_plan([found.id]).get(found.id, 0),
        paid=figures.prices_paid(found.id),
        level=queries.level_of(found),
        most=PLAN.ranges["monthly_price"][1],
        most_slots=PLAN.ranges["total_quota"][1],
        notice_days=announcing.NOTICE.days,
    )


@door.get("/catalogue/services/<service_id>/plans/new")
def new_plan(service_id: str) -> Any:
    """Ask for a new plan of a service."""
    return _new_form(queries.get_service(parse_id(service_id)), {})


@door.post("/catalogue/services/<service_id>/plans/new")
def add_plan(service_id: str) -> Any:
    """Add it; it is offered with its service."""

    def add(terms: dict[str, Any]) -> uuid.UUID:
        made = planning.add_plan(
            parse_id(service_id), terms, actor=guard.actor(), at=current_ports().clock.now()
        )
        return made.id

    return submitted(
        NEW_PLAN_FORM,
        None,
        add,
        form=lambda texts, **told: _new_form(queries.get_service(parse_id(service_id)), texts, **told),
        leads_to=lambda id_: url_for("panel.plan", plan_id=id_),
        said="The plan is added.",
    )


@door.get("/catalogue/plans/<plan_id>/edit")
def edit_plan(plan_id: str) -> Any:
    """Ask for changes of a plan."""
    found = queries.get_plan(parse_id(plan_id))
    return _edit_form(found, catalogue_form.filled_with(PLAN_FORM, found))


@door.post("/catalogue/plans/<plan_id>/edit")
def save_plan(plan_id: str) -> Any:
    """Change what was changed in the form; subscriptions keep the size they have."""
    found = queries.get_plan(parse_id(plan_id))

    def change(terms: dict[str, Any]) -> uuid.UUID:
        _change(found.id, terms)
        return found.id

    return submitted(
        PLAN_FORM,
        found,
        change,
        form=lambda texts, **told: _edit_form(queries.get_plan(parse_id(plan_id)), texts, **told),
        leads_to=lambda id_: url_for("panel.plan", plan_id=id_),
        said="The plan is changed.",
    )


@door.post("/catalogue/plans/<plan_id>/offer")
def offer_plan(plan_id: str) -> Any:
    """Offer it with its service; harmless when it is offered."""
    return _switched(plan_id, is_active=True, said="The plan is offered.")


@door.post("/catalogue/plans/<plan_id>/withdraw")
def withdraw_plan(plan_id: str) -> Any:
    """Take it off sale; what customers have goes on."""
    return _switched(plan_id, is_active=False, said="The plan is off sale.")


@door.post("/catalogue/plans/<plan_id>/delete")
def delete_plan(plan_id: str) -> Any:
    """Delete a plan nobody ever had."""
    found = queries.get_plan(parse_id(plan_id))
    with unit_of_work(current_ports().courier):
        planning.delete_plan(found.id, actor=guard.actor(), at=current_ports().clock.now())
    return pages.told("The plan is deleted.", url_for("panel.service", service_id=found.service_id))


@door.post("/catalogue/plans/<plan_id>/slots")
def set_slots(plan_id: str) -> Any:
    """Set how many customers can have it at once; never fewer than have it."""
    reason = request.form.get("reason", "").replace("\x00", "").strip()[:_LONGEST_REASON]
    if len(reason) < _LEAST_REASON:
        raise RuleBroken("Say why, for the audit book.")
    total = whole_number(request.form.get("slots", ""), "Slots")
    with unit_of_work(current_ports().courier):
        quota.set_total(
            parse_id(plan_id), total, reason=reason, actor=guard.actor(), at=current_ports().clock.now()
        )
    return pages.told("The slots are set.", url_for("panel.plan", plan_id=plan_id))


@door.post("/catalogue/plans/<plan_id>/price")
def set_price(plan_id: str) -> Any:
    """Set the price for new customers; for existing ones too it is shown first who would be told."""
    found = queries.get_plan(parse_id(plan_id))
    price = whole_number(request.form.get("price", ""), "Price")
    choice = request.form.get("for", "")
    if choice == "existing":
        return redirect(url_for("panel.preview_price", plan_id=found.id, price=price), 303)
    is_for_all = choice == "existing-seen"
    with unit_of_work(current_ports().courier):
        _change(found.id, {"monthly_price": Rupiah(price)}, for_existing=is_for_all)
    said = (
        "The price holds for new customers, and for existing ones after notice."
        if is_for_all
        else "The price holds for new customers; existing ones keep theirs."
    )
    return pages.told(said, url_for("panel.plan", plan_id=found.id))


@door.get("/catalogue/plans/<plan_id>/price")
def preview_price(plan_id: str) -> Any:
    """Show who would be told of a price, and from when each would pay it; nothing is changed yet."""
    found, at = queries.get_plan(parse_id(plan_id)), current_ports().clock.now()
    price = whole_number(request.args.get("price", "") or str(found.monthly_price), "Price")
    told = announcing.who_would_be_told(
        found.id, Rupiah(price), pages.page_request(), rules=business_rules(current_settings()), at=at
    )
    return pages.page_or_fragment(
        "admin/catalogue/price.html",
        "admin/catalogue/_told.html",
        plan=found,
        price=price,
        found=told,
        notice_days=announcing.NOTICE.days,
    )


def _change(plan_id: uuid.UUID, terms: dict[str, Any], *, for_existing: bool | None = None) -> None:
    planning.change_plan(
        plan_id, terms, for_existing=for_existing, actor=guard.actor(), at=current_ports().clock.now()
    )


def _switched(plan_id: str, *, is_active: bool, said: str) -> Any:
    with unit_of_work(current_ports().courier):
        _change(parse_id(plan_id), {"is_active": is_active})
    return pages.told(said, url_for("panel.plan", plan_id=plan_id))


def _new_form(service: Service, texts: Mapping[str, str], *, problem: str | None = None) -> Any:
    taken = {each.plan_type for each in service.plans}
    return shown_form(
        NEW_PLAN_FORM,
        texts,
        title=f"A new plan of {service.name}",
        above=_above(service),
        problem=problem,
        choices={
            "plan_type": [(each.value, each.value.capitalize()) for each in PlanType if each not in taken]
        },
    )


def _edit_form(found: Plan, texts: Mapping[str, str], *, problem: str | None = None) -> Any:
    return shown_form(
        PLAN_FORM,
        texts,
        title=f"Edit {found.service.name} {found.name}",
        above=[*_above(found.service), (url_for("panel.plan", plan_id=found.id), found.name)],
        problem=problem,
        choices={},
        note="Customers keep the size they ordered until they change their plan.",
    )


def _above(service: Service) -> list[tuple[str, str]]:
    return [
        (url_for("panel.services_list"), "Catalogue"),
        (url_for("panel.service", service_id=service.id), service.name),
    ]
