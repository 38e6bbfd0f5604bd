"""Categories for administrators: /api/v1/admin/categories. The original has no endpoint for them."""

from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import requires_staff
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.categories import (
    CategoriesOut,
    CategoriesQuery,
    CategoryIn,
    CategoryTermsIn,
    OneCategoryOut,
)
from minispod.api.staff.catalog import terms_of
from minispod.catalog import queries, shelving
from minispod.catalog.errors import NothingGiven
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports

door = Door("staff_categories", __name__, url_prefix="/api/v1/admin/categories", description="Categories")

_LISTED = (
    *("id", "name", "slug", "description", "parent_id"),
    *("sort_order", "created_at", "updated_at"),
)
# What a blank clears; whatever else is blank stays as it is.
_EMPTY = {"description": None, "parent_id": None}


@door.get("")
@requires_staff
@door.arguments(CategoriesQuery, location="query")
@door.answers(200, CategoriesOut, message="Categories retrieved successfully")
def list_categories(query: dict[str, Any]) -> dict[str, Any]:
    """List all categories, empty ones too, with what lies in each itself."""
    page = queries.list_categories(wanted_page(query), search=query["search"] or "")
    rows = [
        {
            **{name: getattr(category, name) for name in _LISTED},
            "count": {"services": services, "children": children},
        }
        for category, services, children in page.items
    ]
    return {"categories": rows, "pagination": pagination(page)}


@door.post("")
@requires_staff
@door.arguments(CategoryIn)
@door.answers(201, OneCategoryOut, message="Category created successfully")
def create_category(body: dict[str, Any]) -> dict[str, Any]:
    """Add a category, at the top or within another one."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        category = shelving.add_category(_terms(body), actor=g.actor, at=ports.clock.now())
    return {"category": category}


@door.get("/<category_id>")
@requires_staff
@door.answers(200, OneCategoryOut, message="Category retrieved successfully")
def show_category(category_id: str) -> dict[str, Any]:
    """Show one category."""
    return {"category": queries.get_category(parse_id(category_id))}


@door.put("/<category_id>")
@requires_staff
@door.arguments(CategoryTermsIn)
@door.answers(200, OneCategoryOut, message="Category updated successfully")
def change_category(body: dict[str, Any], category_id: str) -> dict[str, Any]:
    """Change what is given; a `parentId` of null or "" puts it at the top."""
    if not body:
        raise NothingGiven()
    ports = current_ports()
    with unit_of_work(ports.courier):
        category = shelving.change_category(
            parse_id(category_id), _terms(body), actor=g.actor, at=ports.clock.now()
        )
    return {"category": category}


@door.delete("/<category_id>")
@requires_staff
@door.answers(200, message="Category deleted successfully")
def delete_category(category_id: str) -> None:
    """Delete a category in which nothing lies."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        shelving.delete_category(parse_id(category_id), actor=g.actor, at=ports.clock.now())


def _terms(body: dict[str, Any]) -> dict[str, Any]:
    terms = terms_of(body, _EMPTY)
    if terms.get("parent_id"):
        terms["parent_id"] = parse_id(terms["parent_id"])
    return terms
