"""A service is renamed or deleted while somebody orders from it, and a ticket is opened while its customer goes."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from minispod.accounts.models import User
from minispod.catalog import curation
from minispod.catalog.errors import NoSuchPlan, SlugInUse
from minispod.catalog.models import Plan, Service
from minispod.instances.models import Instance
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import departures, ordering, queries
from minispod.tickets import opening
from minispod.tickets.opening import Wish
from tests.concurrency.waiting import PATIENCE_SECONDS, Scene, holding, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

ME = system("tests")
WISH = Wish("Cannot open it", "It does not open since this morning.")
ADMINISTRATORS = "SELECT 1 FROM users WHERE role = 'ADMINISTRATOR' FOR NO KEY UPDATE"
REFERS = text("SELECT 1 FROM users WHERE id = :id FOR KEY SHARE")


@pytest.fixture
def scene(
    shop: Shop, person: Callable[..., Person], administrator: Person, plan_id: Callable[..., uuid.UUID]
) -> Scene:
    return Scene(shop, person(credit=500_000), administrator, plan_id)


class OrderUnderWay:
    """An order that is written and not committed yet; its end looks like that of a connection."""

    def __init__(self, scene: Scene, plan: uuid.UUID) -> None:
        self._scene, self._plan = scene, plan
        self._pool, self._end, written = ThreadPoolExecutor(1), Event(), Event()
        self._made = self._pool.submit(self._order, written)
        assert written.wait(PATIENCE_SECONDS)

    def _order(self, written: Event) -> uuid.UUID:
        scene, shop = self._scene, self._scene.shop
        with scene.app.app_context(), unit_of_work():
            placed = ordering.place_order(
                self._plan,
                user_id=scene.customer.id,
                rules=business_rules(shop.settings),
                sealer=shop.ports.sealer,
                actor=scene.customer.actor,
                at=scene.clock.now(),
            )
            written.set()
            self._end.wait(PATIENCE_SECONDS)
        return placed.subscription.id

    def commit(self) -> None:
        """Let it end."""
        self._end.set()
        self._made.result(PATIENCE_SECONDS)
        self._pool.shutdown()


def service_of(scene: Scene, plan: uuid.UUID) -> uuid.UUID:
    with scene.app.app_context():
        return session().get_one(Plan, plan).service_id


def rename(scene: Scene, service: uuid.UUID, slug: str) -> Any:
    change = {"slug": slug, "is_active": False}
    return scene.do(
        lambda: curation.change_service(
            service, change, is_kept=queries.is_kept_of, actor=ME, at=scene.clock.now()
        )
    )


def test_a_slug_stays_when_an_order_under_way_names_its_instance_by_it(scene: Scene) -> None:
    plan = scene.find_plan()
    service, order = service_of(scene, plan), OrderUnderWay(scene, plan)

    with pytest.raises(SlugInUse):
        waits_with(scene.app, order, lambda: rename(scene, service, "another"))

    with scene.app.app_context():
        assert session().get_one(Service, service).slug == "n8n-automation"
        assert session().query(Instance).one().service_slug == "n8n-automation"


def test_other_changes_of_a_service_do_not_wait_for_its_orders(scene: Scene) -> None:
    plan = scene.find_plan()
    service, order = service_of(scene, plan), OrderUnderWay(scene, plan)
    try:
        changed = scene.do(
            lambda: curation.change_service(
                service,
                {"slug": "n8n-automation", "name": "n8n"},
                is_kept=queries.is_kept_of,
                actor=ME,
                at=scene.clock.now(),
            )
        )
    finally:
        order.commit()

    assert changed.name == "n8n"


def test_an_order_waits_for_a_new_slug_and_names_its_instance_by_it(scene: Scene) -> None:
    plan = scene.find_plan("ghost-blog", "BASIC")
    service = service_of(scene, plan)
    with scene.app.app_context(), unit_of_work():
        session().execute(text("UPDATE services SET slug = slug || '-old' WHERE slug = 'uptime-kuma'"))
    made: list[uuid.UUID] = []

    with holding(
        scene.app, "UPDATE services SET slug = 'uptime-kuma' WHERE id = :id", id=service
    ) as renaming:
        statement = waits_with(
            scene.app, renaming, lambda: made.append(scene.shop.order(scene.customer, plan))
        )

    assert "JOIN services" in statement
    instance = scene.shop.look(made[0])[1]
    assert (instance.service_slug, instance.name.startswith("uptime-kuma")) == ("uptime-kuma", True)


def test_what_went_off_sale_while_an_order_waited_is_not_sold(scene: Scene) -> None:
    plan = scene.find_plan()
    service = service_of(scene, plan)
    held = "UPDATE services SET slug = 'another', is_active = false WHERE id = :id"

    with holding(scene.app, held, id=service) as withdrawing, pytest.raises(NoSuchPlan):
        waits_with(scene.app, withdrawing, lambda: scene.shop.order(scene.customer, plan))

    assert scene.shop.balance(scene.customer) == 500_000


def test_deleting_a_service_waits_where_an_order_under_way_needs_nothing(scene: Scene) -> None:
    plan = scene.find_plan()
    service = service_of(scene, plan)
    held = "SELECT 1 FROM services WHERE id = :id FOR KEY SHARE"
    refers = text("SELECT 1 FROM plans WHERE id = :id FOR KEY SHARE NOWAIT")

    with holding(scene.app, held, id=service) as order:
        statement = waits_with(
            scene.app,
            order,
            lambda: scene.do(lambda: curation.delete_service(service, actor=ME, at=scene.clock.now())),
            meanwhile=lambda: order.execute(refers, {"id": plan}),
        )

    assert "FROM services" in statement


def test_a_ticket_opened_and_answered_while_its_customer_is_deleted_is_no_deadlock(scene: Scene) -> None:
    me, opened = scene.customer, Event()

    def open_one() -> uuid.UUID:
        return scene.do(
            lambda: opening.open_ticket(WISH, user_id=me.id, actor=me.actor, at=scene.clock.now())
        ).id

    def delete() -> None:
        scene.do(
            lambda: departures.delete(me.id, forfeits=10**9, actor=scene.staff.actor, at=scene.clock.now())
        )

    with (
        holding(scene.app, ADMINISTRATORS) as first,
        holding(scene.app, "SELECT 1") as answering,
        ThreadPoolExecutor(1) as pool,
    ):

        def answer_what_is_opened() -> None:
            # The deletion has locked all tickets there were, and waits before it locks the account.
            ticket = open_one()
            answering.execute(text("SELECT 1 FROM tickets WHERE id = :id FOR NO KEY UPDATE"), {"id": ticket})
            opened.set()

        deleting = pool.submit(waits_with, scene.app, first, delete, meanwhile=answer_what_is_opened)
        assert opened.wait(PATIENCE_SECONDS)
        waits_for_tickets(scene)
        answering.execute(REFERS, {"id": me.id})
        answering.commit()
        assert "FROM users" in deleting.result(PATIENCE_SECONDS)

    with scene.app.app_context():
        assert session().get_one(User, me.id).deleted_at is not None
        assert session().scalar(text("SELECT count(*) FROM tickets")) == 0


def waits_for_tickets(scene: Scene) -> None:
    """Wait until somebody waits for a ticket."""
    wanted = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database() AND query LIKE '%FROM tickets%'"
    )
    with scene.app.app_context():
        for _ in range(PATIENCE_SECONDS * 100):
            if session().scalar(wanted):
                return
            session().rollback()
            session().execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits for a ticket")


def test_what_postgresql_stumbles_over_is_asked_for_again(app: Flask) -> None:
    raise_it = "DO $$ BEGIN RAISE EXCEPTION '{}' USING ERRCODE = 'XX000'; END $$"
    known = "new multixact has more than one updating member: 0 2[871 (nokeyupd), 872 (nokeyupd)]"

    with app.app_context(), pytest.raises(Unavailable), unit_of_work():
        session().execute(text(raise_it.format(known).replace(":", r"\:")))
    with app.app_context(), pytest.raises(InternalError), unit_of_work():
        session().execute(text(raise_it.format("something else")))
