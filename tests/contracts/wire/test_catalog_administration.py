"""Recorded exchanges of the catalogue's administration: services, plans and their slots."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.catalog.models import Category, Plan, Service
from minispod.kernel.database import session
from tests.contracts.wire.conftest import Replay
from tests.plugins.app import Person
from tests.plugins.shop import Shop

pytestmark = pytest.mark.usefixtures("catalog")

PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def category(app: Flask) -> uuid.UUID:
    """The category of the recorded services."""
    with app.app_context():
        return session().scalars(select(Category.id).where(Category.slug == "development-tools")).one()


@pytest.fixture
def redis(app: Flask) -> uuid.UUID:
    """The service that the recordings change: one with a recipe, without plans."""
    with app.app_context():
        service = session().scalars(select(Service).where(Service.slug == "redis")).one()
        session().query(Plan).filter(Plan.service_id == service.id).delete()
        session().commit()
        return service.id


def id_of(answer: dict[str, object], kind: str) -> str:
    return str(answer["data"][kind]["id"])  # type: ignore[index]


def test_lists_and_figures(replay: Replay, administrator: Person, customer: Person) -> None:
    services = replay("admin_services__list", administrator)["data"]["services"]

    assert len(services) == 10
    assert all(isinstance(each["tags"], list) and each["plans"] for each in services)
    found = replay("admin_services__list_filtered", administrator)["data"]["services"]
    assert [each["slug"] for each in found] == ["ghost-blog"]
    plans = replay("admin_services__all_plans", administrator)["data"]
    assert plans["pagination"]["totalCount"] == len(plans["plans"]) == sum(len(s["plans"]) for s in services)
    figures = replay("admin_services__statistics", administrator)["data"]["statistics"]
    assert figures["services"] == {"total": 10, "active": 10, "inactive": 0}
    assert sum(each["serviceCount"] for each in figures["categories"]) == 10
    assert replay("admin_services__list_as_user", customer)["code"] == "accounts.staff_only"


def test_a_service_without_a_recipe_is_kept_but_not_offered(
    replay: Replay, administrator: Person, category: uuid.UUID
) -> None:
    made = replay("admin_services__create_ok", administrator, category)

    assert made["data"]["service"]["isActive"] is False
    assert "there is no recipe called redis-cache" in made["message"]
    assert made["data"]["service"]["dockerImage"] == "redis:7-alpine"
    taken = replay("admin_services__create_duplicate_slug", administrator, category)
    assert taken["code"] == "catalog.slug_taken"
    assert set(replay("admin_services__create_validation", administrator, category)["errors"]) == {
        "slug",
        "defaultPort",
    }
    assert (
        replay("admin_services__create_unknown_category", administrator)["code"] == "catalog.no_such_category"
    )


def test_a_service_is_changed_and_switched(replay: Replay, administrator: Person, redis: uuid.UUID) -> None:
    replay("admin_services__get", administrator, redis)
    changed = replay("admin_services__update", administrator, redis)["data"]["service"]

    assert (changed["name"], changed["isFeatured"]) == ("Redis", True)
    assert replay("admin_services__update_empty", administrator, redis)["code"] == "catalog.nothing_given"
    off = replay("admin_services__toggle", administrator, redis)
    assert (off["message"], off["data"]["service"]["isActive"]) == ("Service deactivated successfully", False)
    assert replay("admin_services__toggle_back", administrator, redis)["data"]["service"]["isActive"] is True
    for name in ("admin_services__get_404", "admin_services__delete_404"):
        assert replay(name, administrator)["code"] == "catalog.no_such_service"


def test_plans(replay: Replay, administrator: Person, redis: uuid.UUID) -> None:
    plan = id_of(replay("admin_services__plan_create_ok", administrator, redis), "plan")

    for name, code in (
        ("admin_services__plan_create_duplicate_type", "catalog.plan_type_taken"),
        ("admin_services__plan_create_fraction_storage", "request.invalid"),
        ("admin_services__plan_create_validation", "request.invalid"),
    ):
        assert replay(name, administrator, redis)["code"] == code
    listed = replay("admin_services__plans_of_service", administrator, redis)["data"]
    assert [each["id"] for each in listed["plans"]] == [plan]
    replay("admin_services__plan_get", administrator, redis, plan)
    missing = replay("admin_services__plan_get_404", administrator, redis)
    assert missing["code"] == "catalog.no_such_plan"
    changed = replay("admin_services__plan_update", administrator, redis, plan)["data"]
    assert changed["plan"]["monthlyPrice"] == 22_000
    assert changed["priceChange"] == {
        "oldPrice": 20_000,
        "newPrice": 22_000,
        "appliesTo": "new",
        "existingSubscriptions": 0,
    }
    off = replay("admin_services__plan_toggle", administrator, redis, plan)
    assert (off["message"], off["data"]["plan"]["isActive"]) == (
        "Service plan deactivated successfully",
        False,
    )
    assert replay("admin_services__plan_toggle_back", administrator, redis, plan)["data"]["plan"]["isActive"]


def test_what_nobody_bought_is_deleted(replay: Replay, administrator: Person, category: uuid.UUID) -> None:
    service = id_of(replay("admin_services__create_second", administrator, category), "service")
    plan = id_of(replay("admin_services__plan_create_second", administrator, service), "plan")

    replay("admin_services__plan_delete_ok", administrator, service, plan)
    replay("admin_services__delete_ok", administrator, service)


def test_what_was_bought_is_not(
    replay: Replay, administrator: Person, customer: Person, shop: Shop, plan_id: PlanFinder, app: Flask
) -> None:
    plan = plan_id()
    shop.order(customer, plan)
    with app.app_context():
        service = session().get_one(Plan, plan).service_id

    in_use = replay("admin_services__plan_delete_in_use", administrator, service, plan)
    assert in_use["code"] == "catalog.plan_in_use"
    assert replay("admin_services__delete_in_use", administrator, service)["code"] == "catalog.service_in_use"


def test_quota(
    replay: Replay,
    administrator: Person,
    customer: Person,
    shop: Shop,
    redis: uuid.UUID,
) -> None:
    plan = id_of(replay("admin_services__plan_create_ok", administrator, redis), "plan")
    shop.order(customer, uuid.UUID(plan))

    alerts = replay("admin_quota__statistics", administrator)["data"]["statistics"]["alerts"]
    assert [(each["id"], each["utilization"]) for each in alerts["criticalPlansList"]] == [(plan, 100)]
    lines = replay("admin_quota__overview", administrator)["data"]["quotaOverview"]
    assert [each["status"] for each in lines if each["planId"] == plan] == ["critical"]
    shown = replay("admin_quota__plan", administrator, plan)["data"]["quotaDetails"]
    assert [each["user"]["email"] for each in shown["activeSubscriptions"]] == [customer.email]
    assert shown["quota"] == {"total": 1, "used": 1, "available": 0, "utilizationPercentage": 100}

    more = replay("admin_quota__plan_update", administrator, plan)["data"]["plan"]
    assert more["totalQuota"] == 3
    below = replay("admin_quota__plan_update_below_used", administrator, plan)
    assert (below["code"], below["message"]) == (
        "catalog.quota_below_use",
        "Cannot set quota to 0. Currently 1 subscriptions are active.",
    )
    assert replay("admin_quota__plan_update_validation", administrator, plan)["errors"]
    done = replay("admin_quota__bulk_update", administrator, plan)["data"]["updatedPlans"]
    assert [each["totalQuota"] for each in done] == [4]
    assert replay("admin_quota__overview_as_user", customer)["code"] == "accounts.staff_only"
