"""Fill an empty shop from seed.yaml. Repeating changes nothing that staff have edited."""

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select

from minispod.audit import trail
from minispod.catalog.models import Category, Plan, PlanType, Service
from minispod.catalog.recipes import get_recipe
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah

SEED_FILE = Path(__file__).parent / "seed.yaml"


def seed_catalog(*, actor: Actor, at: datetime) -> int:
    """Add what is missing by slug and plan type; return how many rows were added."""
    content: dict[str, Any] = yaml.safe_load(SEED_FILE.read_text(encoding="utf-8"))
    added = 0
    categories = {row.slug: row for row in session().scalars(select(Category))}
    for facts in content["categories"]:
        if facts["slug"] not in categories:
            categories[facts["slug"]] = Category(**facts, created_at=at, updated_at=at)
            session().add(categories[facts["slug"]])
            added += 1
    session().flush()  # services refer to the categories by id
    for facts in content["services"]:
        added += _seed_service(dict(facts), categories, at)
    if added:
        trail.record(
            actor, trail.Action.CATALOG_SEEDED, at=at, subject_kind="catalog", subject_id="seed", rows=added
        )
    return added


def _seed_service(facts: dict[str, Any], categories: dict[str, Category], at: datetime) -> int:
    plans: list[dict[str, Any]] = facts.pop("plans")
    category = categories[facts.pop("category")]
    added = 0
    service = session().scalar(select(Service).where(Service.slug == facts["slug"]))
    if service is None:
        recipe = get_recipe(facts["slug"])
        service = Service(
            **facts,
            category_id=category.id,
            version=recipe.version,
            docker_image=recipe.image,
            default_port=recipe.port,
            created_at=at,
            updated_at=at,
        )
        session().add(service)
        session().flush()  # plans refer to the service by id
        added += 1
    present = set(session().scalars(select(Plan.plan_type).where(Plan.service_id == service.id)))
    for plan in plans:
        if PlanType(plan["plan_type"]) in present:
            continue
        session().add(
            Plan(
                **{
                    **plan,
                    "plan_type": PlanType(plan["plan_type"]),
                    "monthly_price": Rupiah(plan["monthly_price"]),
                },
                service_id=service.id,
                created_at=at,
                updated_at=at,
            )
        )
        added += 1
    return added
