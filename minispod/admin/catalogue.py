"""The catalogue: services with their plans, categories; what staff add, change, offer and withdraw."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import make_response, render_template, request, url_for

from minispod.admin import catalogue_form, guard, languages, pages
from minispod.admin.catalogue_form import CATEGORY_FORM, SERVICE_FORM, Form
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.catalog import curation, queries, shelving
from minispod.catalog.models import Category, Service
from minispod.catalog.queries import ServiceOrder, Wanted
from minispod.insights import catalogue as figures
from minispod.kernel.errors import Conflict, NotFound, RuleBroken
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import queries as subscriptions

_CATEGORIES = PageRequest(1, 500)
_STATES = {"offered": True, "withdrawn": False}


@door.get("/catalogue")
def services_list() -> Any:
    """List services with their plans, prices and free slots."""
    sorting = pages.sorting(ServiceOrder.NAME)
    state = pages.one_of(_STATES, "state", "")
    category = pages.search_text("category")
    wanted = Wanted(search=pages.search_text(), is_active=_STATES.get(state), category_slug=category or None)
    found = queries.list_services(
        pages.page_request(), wanted, by=ServiceOrder(sorting.by), downward=sorting.downward
    )
    return pages.page_or_fragment(
        "admin/catalogue/page.html",
        "admin/catalogue/_list.html",
        found=found,
        sold=figures.sold_by_service([each.id for each in found.items]),
        wanted=wanted,
        sorting=sorting,
        state=state,
        states=tuple(_STATES),
        categories=_categories(),
    )


@door.get("/catalogue/services/<service_id>")
def service(service_id: str) -> Any:
    """Show one service with its plans."""
    found = queries.get_service(parse_id(service_id))
    return render_template(
        "admin/catalogue/service.html",
        service=found,
        sold=figures.sold_by_plan([plan.id for plan in found.plans]),
        recipe=curation.find_recipe(found.slug),
    )


@door.get("/catalogue/services/new")
def new_service() -> Any:
    """Ask for a new service."""
    return _service_form({"is_public": "yes"})


@door.post("/catalogue/services/new")
def add_service() -> Any:
    """Put it into the catalogue, withdrawn: it is offered when its plans are there."""

    def add(terms: dict[str, Any]) -> uuid.UUID:
        made = curation.add_service(
            {**terms, "is_active": False}, actor=guard.actor(), at=current_ports().clock.now()
        )
        return made.id

    return submitted(
        SERVICE_FORM,
        None,
        add,
        form=_service_form,
        leads_to=lambda id_: url_for("panel.service", service_id=id_),
        said=_("The service is kept. Add its plans, then offer it."),
    )


@door.get("/catalogue/services/<service_id>/edit")
def edit_service(service_id: str) -> Any:
    """Ask for changes of a service."""
    found = queries.get_service(parse_id(service_id))
    return _service_form(catalogue_form.filled_with(SERVICE_FORM, found), found)


@door.post("/catalogue/services/<service_id>/edit")
def change_service(service_id: str) -> Any:
    """Change what was changed in the form."""
    found = queries.get_service(parse_id(service_id))

    def change(terms: dict[str, Any]) -> uuid.UUID:
        _change_service(found.id, terms)
        return found.id

    return submitted(
        SERVICE_FORM,
        found,
        change,
        form=lambda texts, **told: _service_form(texts, queries.get_service(parse_id(service_id)), **told),
        leads_to=lambda id_: url_for("panel.service", service_id=id_),
        said=_("The service is changed."),
    )


@door.post("/catalogue/services/<service_id>/offer")
def offer_service(service_id: str) -> Any:
    """Offer it in the shop; harmless when it is offered."""
    with unit_of_work(current_ports().courier):
        _change_service(parse_id(service_id), {"is_active": True})
    return pages.told(_("The service is offered."), url_for("panel.service", service_id=service_id))


@door.post("/catalogue/services/<service_id>/withdraw")
def withdraw_service(service_id: str) -> Any:
    """Take it off sale; what customers have goes on."""
    with unit_of_work(current_ports().courier):
        _change_service(parse_id(service_id), {"is_active": False})
    return pages.told(_("The service is off sale."), url_for("panel.service", service_id=service_id))


@door.post("/catalogue/services/<service_id>/delete")
def delete_service(service_id: str) -> Any:
    """Delete a service nobody ever bought."""
    with unit_of_work(current_ports().courier):
        curation.delete_service(parse_id(service_id), actor=guard.actor(), at=current_ports().clock.now())
    return pages.told(_("The service is deleted."), url_for("panel.services_list"))


@door.get("/catalogue/categories")
def categories_list() -> Any:
    """List categories with what lies in them."""
    search = pages.search_text()
    return pages.page_or_fragment(
        "admin/catalogue/categories.html",
        "admin/catalogue/_categories.html",
        found=queries.list_categories(pages.page_request(), search=search),
        search=search,
    )


@door.get("/catalogue/categories/new")
def new_category() -> Any:
    """Ask for a new category."""
    return _category_form({})


@door.post("/catalogue/categories/new")
def add_category() -> Any:
    """Add it."""

    def add(terms: dict[str, Any]) -> uuid.UUID:
        return shelving.add_category(terms, actor=guard.actor(), at=current_ports().clock.now()).id

    return submitted(
        CATEGORY_FORM,
        None,
        add,
        form=_category_form,
        leads_to=lambda _: url_for("panel.categories_list"),
        said=_("The category is added."),
    )


@door.get("/catalogue/categories/<category_id>")
def edit_category(category_id: str) -> Any:
    """Ask for changes of a category."""
    found = queries.get_category(parse_id(category_id))
    return _category_form(catalogue_form.filled_with(CATEGORY_FORM, found), found)


@door.post("/catalogue/categories/<category_id>")
def change_category(category_id: str) -> Any:
    """Change what was changed in the form."""
    found = queries.get_category(parse_id(category_id))

    def change(terms: dict[str, Any]) -> uuid.UUID:
        shelving.change_category(found.id, terms, actor=guard.actor(), at=current_ports().clock.now())
        return found.id

    return submitted(
        CATEGORY_FORM,
        found,
        change,
        form=lambda texts, **told: _category_form(texts, queries.get_category(parse_id(category_id)), **told),
        leads_to=lambda _: url_for("panel.categories_list"),
        said=_("The category is changed."),
    )


@door.post("/catalogue/categories/<category_id>/delete")
def delete_category(category_id: str) -> Any:
    """Delete a category in which nothing lies."""
    with unit_of_work(current_ports().courier):
        shelving.delete_category(parse_id(category_id), actor=guard.actor(), at=current_ports().clock.now())
    return pages.told(_("The category is deleted."), url_for("panel.categories_list"))


def submitted(
    form_of: Form,
    row: object | None,
    act: Callable[[dict[str, Any]], uuid.UUID],
    *,
    form: Callable[..., Any],
    leads_to: Callable[[uuid.UUID], str],
    said: str,
) -> Any:
    """Do what a form asks for; what is wrong is said above the form, which keeps what was typed.

    `form` reads anew what it shows: what was read before a refused act is not known any more.
    """
    texts = catalogue_form.typed(form_of, request.form)
    try:
        terms = catalogue_form.terms(form_of, texts, row)
        with unit_of_work(current_ports().courier):
            id_ = act(terms)
    except (RuleBroken, Conflict, NotFound) as refusal:
        return form(texts, problem=languages.said(refusal.message))
    return pages.told(said, leads_to(id_))


def shown_form(
    form_of: Form,
    texts: Mapping[str, str],
    *,
    title: str,
    above: list[tuple[str, str]],
    problem: str | None,
    choices: Mapping[str, list[tuple[str, str]]],
    note: str | None = None,
) -> Any:
    """The page of a form; `choices` are the (value, words) of each field that is chosen."""
    page = render_template(
        "admin/catalogue/form.html",
        form=form_of,
        texts=texts,
        title=title,
        above=above,
        problem=problem,
        choices=choices,
        note=note,
    )
    return make_response(page, 400 if problem else 200)


def _change_service(service_id: uuid.UUID, terms: dict[str, Any]) -> None:
    curation.change_service(
        service_id,
        terms,
        is_kept=subscriptions.is_kept_of,
        actor=guard.actor(),
        at=current_ports().clock.now(),
    )


def _service_form(
    texts: Mapping[str, str], found: Service | None = None, *, problem: str | None = None
) -> Any:
    above = [(url_for("panel.services_list"), _("Catalogue"))]
    if found is not None:
        above.append((url_for("panel.service", service_id=found.id), found.name))
    return shown_form(
        SERVICE_FORM,
        texts,
        title=_("Edit %(name)s", name=found.name) if found else _("A new service"),
        above=above,
        problem=problem,
        choices={"category_id": [(str(each.id), each.name) for each in _categories()]},
        note=_("Image, version and port are those of its recipe."),
    )


def _category_form(
    texts: Mapping[str, str], found: Category | None = None, *, problem: str | None = None
) -> Any:
    others = [each for each in _categories() if found is None or each.id != found.id]
    return shown_form(
        CATEGORY_FORM,
        texts,
        title=_("Edit %(name)s", name=found.name) if found else _("A new category"),
        above=[
            (url_for("panel.services_list"), _("Catalogue")),
            (url_for("panel.categories_list"), _("Categories")),
        ],
        problem=problem,
        choices={"parent_id": [("", _("nothing")), *((str(each.id), each.name) for each in others)]},
    )


def _categories() -> list[Category]:
    return [category for category, _, _ in queries.list_categories(_CATEGORIES).items]
