"""What staff do with services: add, change, switch on and off, delete. Each act locks the service, then its plans.

The slug names the recipe. Image, version and port of a service with a recipe are the recipe's, because that is what
runs; a service without one can be written up, but not offered. What customers bought is never deleted with it.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select

from minispod.audit import trail
from minispod.catalog.errors import (
    BadServiceTerms,
    NoSuchCategory,
    NoSuchService,
    NothingToRun,
    ServiceInUse,
    SlugInUse,
    SlugTaken,
)
from minispod.catalog.fitting import check_fit
from minispod.catalog.models import Category, Plan, Service
from minispod.catalog.recipes import AppRecipe, all_recipes
from minispod.catalog.terms import SERVICE, check
from minispod.kernel.actor import Actor
from minispod.kernel.constraints import refusing
from minispod.kernel.database import session
from minispod.kernel.ids import new_id

_DEFAULTS: dict[str, Any] = {
    "description": "",
    "long_description": None,
    "icon": None,
    "documentation": None,
    "version": "latest",
    "docker_image": None,
    "default_port": 3000,
    "tags": [],
    "is_public": True,
    "is_featured": False,
    "sort_order": 0,
}


def find_recipe(slug: str) -> AppRecipe | None:
    """The recipe a service of this slug runs by, if there is one."""
    return next((recipe for recipe in all_recipes() if recipe.slug == slug), None)


def add_service(terms: Mapping[str, Any], *, actor: Actor, at: datetime) -> Service:
    """Put a service into the catalogue; active unless it is said otherwise, and never without a recipe.

    Whoever adds one without a recipe is not refused: forms say "active" where nobody thought of it. Refuses
    NoSuchCategory, SlugTaken, BadServiceTerms, BadTermsOfSale.
    """
    check(SERVICE, terms, is_new=True)
    is_active = terms.get("is_active", True) and find_recipe(terms["slug"]) is not None
    service = Service(id=new_id(), created_at=at, updated_at=at)
    for name, value in {**_DEFAULTS, **terms, "is_active": is_active}.items():
        setattr(service, name, value)
    _settle(service)
    with refusing({"uq_services_slug": SlugTaken()}):
        session().add(service)
        session().flush()  # the unique index on the slug answers here
    _book(actor, trail.Action.SERVICE_CREATED, service, at, active=is_active)
    return service


def change_service(
    service_id: uuid.UUID,
    changes: Mapping[str, Any],
    *,
    is_kept: Callable[[uuid.UUID], bool],
    actor: Actor,
    at: datetime,
) -> Service:
    """Change what is given; refuses NoSuchService and as `add_service`, NothingToRun and SlugInUse.

    `is_kept` tells whether anybody still has something of a service; the slug stays then, because it names the
    recipe of what runs, and of the data of what ran. Customers must not have another one under the same name.
    """
    service = _locked(service_id)
    if changes.get("slug", service.slug) != service.slug:
        service = _locked(service_id, whole=True)  # whoever is ordering it now names an instance by the slug
        if is_kept(service.id):
            raise SlugInUse()
    return _change(service, changes, actor=actor, at=at)


def _change(service: Service, changes: Mapping[str, Any], *, actor: Actor, at: datetime) -> Service:
    check(SERVICE, changes)
    before = {name: getattr(service, name) for name in changes}
    with refusing({"uq_services_slug": SlugTaken(), "fk_services_category_id": NoSuchCategory()}):
        for name, value in changes.items():
            setattr(service, name, value)
        service.updated_at = at
        session().flush()  # the unique index on the slug answers here
    _settle(service)
    _book(actor, trail.Action.SERVICE_CHANGED, service, at, changed=differing(before, service))
    return service


def toggle_service(service_id: uuid.UUID, *, actor: Actor, at: datetime) -> Service:
    """Take it off sale, or offer it again; subscriptions go on either way. Refuses NoSuchService, NothingToRun."""
    service = _locked(service_id)
    return _change(service, {"is_active": not service.is_active}, actor=actor, at=at)


def delete_service(service_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Remove a service that nobody ever bought, with its plans; refuses NoSuchService, ServiceInUse."""
    # Whoever is ordering now holds the service before a plan, and is waited for here, where we hold nothing.
    service = _locked(service_id, whole=True)
    session().execute(
        select(Plan.id).where(Plan.service_id == service_id).order_by(Plan.id).with_for_update()
    )
    with refusing({"fk_": ServiceInUse()}):
        session().execute(delete_rows(Plan).where(Plan.service_id == service_id))
        session().delete(service)
        session().flush()  # whoever refers to it answers here
    _book(actor, trail.Action.SERVICE_DELETED, service, at)


def differing(before: Mapping[str, Any], row: Any) -> dict[str, list[str]]:
    """What of `before` is different now, for the audit trail."""
    return {
        name: [str(value), str(getattr(row, name))]
        for name, value in before.items()
        if value != getattr(row, name)
    }


def _settle(service: Service) -> None:
    """Let what was said fit together, or refuse it."""
    if session().get(Category, service.category_id) is None:
        raise NoSuchCategory()
    service.tags = list(dict.fromkeys(tag.strip().lower() for tag in service.tags if tag.strip()))
    recipe = find_recipe(service.slug)
    if recipe is not None:
        service.version, service.docker_image = recipe.version, recipe.image
        service.default_port = recipe.port
        if service.is_active:
            for plan in _plans(service.id):
                check_fit(plan, recipe)
    elif service.is_active:
        known = ", ".join(sorted(each.slug for each in all_recipes()))
        raise NothingToRun(
            f"There is no recipe called {service.slug}, so the service cannot be offered: keep it inactive, or "
            f"give it the slug of a recipe ({known})"
        )
    elif not service.docker_image:
        raise BadServiceTerms("A service without a recipe needs the name of its image", about="docker_image")


def _plans(service_id: uuid.UUID) -> list[Plan]:
    return list(session().scalars(select(Plan).where(Plan.service_id == service_id).order_by(Plan.id)))


def _locked(service_id: uuid.UUID, *, whole: bool = False) -> Service:
    """The service, locked; `whole`: with its key, for which those who refer to it at this moment are waited for."""
    service = session().get(
        Service, service_id, with_for_update={"key_share": not whole}, populate_existing=True
    )
    if service is None:
        raise NoSuchService()
    return service


def _book(actor: Actor, action: trail.Action, service: Service, at: datetime, **details: Any) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="service",
        subject_id=service.id,
        service=service.slug,
        **details,
    )
