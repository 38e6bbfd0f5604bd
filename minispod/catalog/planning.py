"""What staff do with plans: add, change, price, switch on and off, delete. Each act locks the plan.

Where a plan must fit its service, the service is held before it: nobody offers the one while the other shrinks.

Subscriptions keep their own price and size; whether they come to a new price too is chosen with it (decision 10) and
carried out in subscriptions/announcing.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, select

from minispod.audit import trail
from minispod.catalog import quota
from minispod.catalog.curation import differing, find_recipe
from minispod.catalog.errors import NoSuchPlan, NoSuchService, PlanInUse, PlanTypeTaken
from minispod.catalog.fitting import check_fit
from minispod.catalog.models import Plan, Service
from minispod.catalog.terms import PLAN, check
from minispod.kernel.actor import Actor
from minispod.kernel.constraints import refusing
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.money import Rupiah

_DEFAULTS: dict[str, Any] = {
    "description": None,
    "monthly_price": 0,
    "cpu_milli": 250,
    "memory_mb": 512,
    "storage_gb": 1,
    "bandwidth": 10,
    "total_quota": 20,
    "features": [],
    "max_instances_per_user": 1,
    "max_domains": 1,
    "is_active": True,
    "is_popular": False,
    "sort_order": 0,
}


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """A plan after a change, and its price before."""

    plan: Plan
    old_price: Rupiah


def add_plan(service_id: uuid.UUID, terms: Mapping[str, Any], *, actor: Actor, at: datetime) -> Plan:
    """Add a tier to a service; refuses NoSuchService, PlanTypeTaken, PlanDoesNotFit, BadTermsOfSale."""
    check(PLAN, terms, is_new=True)
    service = _held(service_id)
    if service is None:
        raise NoSuchService()
    plan = Plan(id=new_id(), service_id=service_id, used_quota=0, created_at=at, updated_at=at)
    for name, value in {**_DEFAULTS, **terms}.items():
        setattr(plan, name, value)
    _check_fit(plan, service)
    taken = PlanTypeTaken(f"A {plan.plan_type} plan already exists for this service")
    with refusing({"uq_plans_service_id_plan_type": taken, "fk_plans_service_id": NoSuchService()}):
        session().add(plan)
        session().flush()  # the unique index on service and type answers here
    _book(actor, trail.Action.PLAN_CREATED, plan, service, at, price=plan.monthly_price)
    return plan


def change_plan(
    plan_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    for_existing: bool | None = None,
    actor: Actor,
    at: datetime,
) -> PlanChanged:
    """Change what is given; a price holds for new customers, or `for_existing` ones after notice too.

    Unless that is said, a price that changes is for new customers, and one that does not keeps whom it is for.

    Refuses NoSuchPlan, QuotaBelowUse, PlanDoesNotFit, BadTermsOfSale.
    """
    check(PLAN, changes)
    plan, service = _locked(plan_id)
    before = {name: getattr(plan, name) for name in (*changes, "is_price_for_all")}
    old_price = plan.monthly_price
    for name, value in changes.items():
        setattr(plan, name, value)
    if for_existing is not None or plan.monthly_price != old_price:
        plan.is_price_for_all = bool(for_existing)
    quota.check_total(plan, plan.total_quota)
    _check_fit(plan, service)
    plan.updated_at = at
    changed = differing(before, plan)
    if {"monthly_price", "is_price_for_all"} & set(changed):
        prices = {"price": [old_price, plan.monthly_price], "for_existing": plan.is_price_for_all}
        _book(actor, trail.Action.PLAN_PRICE_CHANGED, plan, service, at, **prices)
    _book(actor, trail.Action.PLAN_CHANGED, plan, service, at, changed=changed)
    return PlanChanged(plan, old_price)


def toggle_plan(plan_id: uuid.UUID, *, actor: Actor, at: datetime) -> Plan:
    """Take it off sale or offer it again; subscriptions go on either way. Refuses NoSuchPlan, PlanDoesNotFit."""
    is_active = not _locked(plan_id)[0].is_active
    return change_plan(plan_id, {"is_active": is_active}, actor=actor, at=at).plan


def delete_plan(plan_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Remove a plan nobody ever had; refuses NoSuchPlan, PlanInUse."""
    # The key too: whoever is ordering it at this moment is waited for.
    plan = session().scalar(select(Plan).where(Plan.id == plan_id).with_for_update())
    if plan is None:
        raise NoSuchPlan("Service plan not found")
    service = session().get_one(Service, plan.service_id)
    with refusing({"fk_": PlanInUse()}):
        session().delete(plan)
        session().flush()  # whoever refers to it answers here
    _book(actor, trail.Action.PLAN_DELETED, plan, service, at)


def _check_fit(plan: Plan, service: Service) -> None:
    recipe = find_recipe(service.slug)
    if recipe is not None and service.is_active:
        check_fit(plan, recipe)


def _locked(plan_id: uuid.UUID) -> tuple[Plan, Service]:
    """A plan to be changed, and its service held before it: docs/adr/0005."""
    service = _held(select(Plan.service_id).where(Plan.id == plan_id).scalar_subquery())
    plan: Plan | None = lock(Plan, plan_id)
    if plan is None or service is None:
        raise NoSuchPlan("Service plan not found")
    return plan, service


def _held(service_id: uuid.UUID | ScalarSelect[uuid.UUID]) -> Service | None:
    """A service as it stays until we are done; several may hold it, who changes it waits."""
    wanted = select(Service).where(Service.id == service_id).with_for_update(read=True)
    return session().scalar(wanted.execution_options(populate_existing=True))


def _book(
    actor: Actor, action: trail.Action, plan: Plan, service: Service, at: datetime, **details: Any
) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="plan",
        subject_id=plan.id,
        service=service.slug,
        plan=plan.name,
        **details,
    )
