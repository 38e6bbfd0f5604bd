"""Staff who change the catalogue while customers order from it: nobody is sold what is gone, nobody sees a 500."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from minispod.catalog import curation, planning, quota, shelving
from minispod.catalog.errors import (
    CategoryCycle,
    NoSuchPlan,
    PlanDoesNotFit,
    PlanInUse,
    PlanSoldOut,
    QuotaBelowUse,
    ServiceInUse,
)
from minispod.catalog.models import Category, Plan, PlanType, Service
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.models import Subscription
from tests.concurrency.waiting import holding, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

ME = system("tests")
ROUNDS = 4
SLUGS = ("n8n-automation", "ghost-blog", "postgresql", "grafana")
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
PlanFinder = Callable[..., uuid.UUID]


def do(app: Flask, act: Callable[[], Any]) -> Any:
    with app.app_context(), unit_of_work():
        return act()


@pytest.mark.parametrize("what", ["plan", "service"])
def test_deleting_and_ordering_at_once_have_one_winner(
    app: Flask,
    shop: Shop,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
    what: str,
) -> None:
    for slug in SLUGS:
        owner, plan = person(credit=500_000), plan_id(slug, "BASIC")
        with app.app_context():
            service = session().get_one(Plan, plan).service_id

        def act(
            index: int, owner: Person = owner, plan: uuid.UUID = plan, service: uuid.UUID = service
        ) -> Any:
            if index:
                return shop.order(owner, plan)
            if what == "plan":
                return do(app, lambda: planning.delete_plan(plan, actor=ME, at=clock.now()))
            return do(app, lambda: curation.delete_service(service, actor=ME, at=clock.now()))

        deleted, ordered = at_once(2, act)

        if isinstance(ordered, uuid.UUID):
            assert isinstance(deleted, PlanInUse if what == "plan" else ServiceInUse), deleted
        else:
            assert (deleted, type(ordered)) == (None, NoSuchPlan)


def test_slots_taken_and_taken_away_at_once_never_oversell(
    app: Flask,
    shop: Shop,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    at_once: AtOnce,
) -> None:
    plan, owners = plan_id(), [person(credit=50_000) for _ in range(4)]

    def act(index: int) -> Any:
        if index < len(owners):
            return shop.order(owners[index], plan)
        return do(app, lambda: quota.set_total(plan, 2, reason="fewer machines", actor=ME, at=clock.now()))

    *orders, cut = at_once(len(owners) + 1, act)

    sold = [each for each in orders if isinstance(each, uuid.UUID)]
    assert all(isinstance(each, uuid.UUID | PlanSoldOut) for each in orders)
    with app.app_context():
        row = session().get_one(Plan, plan)
        live = session().scalar(select(func.count()).select_from(Subscription))
        assert row.used_quota == live == len(sold) <= row.total_quota
        assert (row.total_quota == 2) is not isinstance(cut, QuotaBelowUse)


@pytest.mark.parametrize("what", ["shrink", "switch", "add"])
def test_a_plan_does_not_shrink_beneath_a_service_that_is_being_offered(
    app: Flask, clock: FrozenClock, plan_id: PlanFinder, what: str
) -> None:
    plan = plan_id("nextcloud", "BASIC")
    with app.app_context():
        service = session().get_one(Plan, plan).service_id
    do(app, lambda: curation.toggle_service(service, actor=ME, at=clock.now()))
    if what == "switch":
        draft = {"is_active": False, "storage_gb": 0}
        do(app, lambda: planning.change_plan(plan, draft, actor=ME, at=clock.now()))
    tiny = {"name": "Tiny", "plan_type": PlanType.MAX, "storage_gb": 0}
    acts: dict[str, Callable[[], Any]] = {
        "shrink": lambda: planning.change_plan(plan, {"storage_gb": 0}, actor=ME, at=clock.now()),
        "switch": lambda: planning.toggle_plan(plan, actor=ME, at=clock.now()),
        "add": lambda: planning.add_plan(service, tiny, actor=ME, at=clock.now()),
    }

    with (
        holding(app, "UPDATE services SET is_active = true WHERE id = :id", id=service) as offering,
        pytest.raises(PlanDoesNotFit),
    ):
        waits_with(app, offering, lambda: do(app, acts[what]))


def test_two_moves_at_once_close_no_circle(
    app: Flask, catalog: None, clock: FrozenClock, at_once: AtOnce
) -> None:
    with app.app_context():
        pair = list(session().scalars(select(Category.id).order_by(Category.slug).limit(2)))

    def act(index: int) -> Any:
        above = {"parent_id": pair[1 - index]}
        return do(app, lambda: shelving.change_category(pair[index], above, actor=ME, at=clock.now()))

    for _ in range(ROUNDS):
        outcomes = at_once(2, act)
        assert sorted(isinstance(each, CategoryCycle) for each in outcomes) == [False, True]
        for index in range(2):
            do(
                app,
                lambda i=index: shelving.change_category(
                    pair[i], {"parent_id": None}, actor=ME, at=clock.now()
                ),
            )


def test_two_services_of_one_slug_at_once(
    app: Flask, catalog: None, clock: FrozenClock, at_once: AtOnce
) -> None:
    with app.app_context():
        category = session().scalars(select(Category.id)).first()
    terms = {"name": "Twin", "slug": "twin", "category_id": category, "docker_image": "twin:1"}

    outcomes = at_once(
        3, lambda _: do(app, lambda: curation.add_service(terms, actor=ME, at=clock.now())).slug
    )

    assert sorted(str(getattr(each, "code", each)) for each in outcomes) == [
        "catalog.slug_taken",
        "catalog.slug_taken",
        "twin",
    ]
    with app.app_context():
        assert session().scalar(select(func.count()).where(Service.slug == "twin")) == 1
