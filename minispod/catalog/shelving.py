"""What staff do with categories: add, change, delete. A category may lie in another one, never in itself.

Whoever moves one locks all of them, so that two moves that come at once cannot close a circle.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from minispod.audit import trail
from minispod.catalog.curation import differing
from minispod.catalog.errors import CategoryCycle, CategoryInUse, CategoryTaken, NoSuchCategory
from minispod.catalog.models import Category
from minispod.catalog.terms import CATEGORY, check
from minispod.kernel.actor import Actor
from minispod.kernel.constraints import refusing
from minispod.kernel.database import session
from minispod.kernel.ids import new_id


def add_category(terms: Mapping[str, Any], *, actor: Actor, at: datetime) -> Category:
    """Add a category; refuses NoSuchCategory for an unknown parent, CategoryTaken, BadTermsOfSale."""
    check(CATEGORY, terms, is_new=True)
    category = Category(id=new_id(), created_at=at, updated_at=at)
    for name, value in {"description": None, "parent_id": None, "sort_order": 0, **terms}.items():
        setattr(category, name, value)
    if category.parent_id is not None and session().get(Category, category.parent_id) is None:
        raise NoSuchCategory()
    with refusing({"uq_categories": CategoryTaken(), "fk_categories_parent_id": NoSuchCategory()}):
        session().add(category)
        session().flush()  # the unique indexes on name and slug answer here
    _book(actor, trail.Action.CATEGORY_CREATED, category, at)
    return category


def change_category(
    category_id: uuid.UUID, changes: Mapping[str, Any], *, actor: Actor, at: datetime
) -> Category:
    """Change what is given; refuses NoSuchCategory, CategoryCycle, CategoryTaken, BadTermsOfSale.

    Locks all categories.
    """
    check(CATEGORY, changes)
    every = _lock_all()
    category = every.get(category_id)
    if category is None:
        raise NoSuchCategory()
    before = {name: getattr(category, name) for name in changes}
    with refusing({"uq_categories": CategoryTaken(), "fk_categories_parent_id": NoSuchCategory()}):
        for name, value in changes.items():
            setattr(category, name, value)
        category.updated_at = at
        session().flush()  # the unique indexes on name and slug answer here
    _check_parents(category, every)
    _book(actor, trail.Action.CATEGORY_CHANGED, category, at, changed=differing(before, category))
    return category


def delete_category(category_id: uuid.UUID, *, actor: Actor, at: datetime) -> None:
    """Remove an empty category; refuses NoSuchCategory, CategoryInUse."""
    category = _lock_all().get(category_id)
    if category is None:
        raise NoSuchCategory()
    with refusing({"fk_": CategoryInUse()}):
        session().delete(category)
        session().flush()  # whoever refers to it answers here
    _book(actor, trail.Action.CATEGORY_DELETED, category, at)


def _lock_all() -> dict[uuid.UUID, Category]:
    every = session().scalars(
        select(Category)
        .order_by(Category.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {each.id: each for each in every}


def _check_parents(category: Category, every: Mapping[uuid.UUID, Category]) -> None:
    above = category.parent_id
    for _ in every:
        if above is None:
            return
        if above not in every:
            raise NoSuchCategory()
        above = every[above].parent_id
    raise CategoryCycle()


def _book(actor: Actor, action: trail.Action, category: Category, at: datetime, **details: Any) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="category",
        subject_id=category.id,
        category=category.slug,
        **details,
    )
