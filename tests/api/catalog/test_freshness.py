"""ETags of the catalogue: what a client has is answered 304 as long as it is true, and not a moment longer."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, update

from minispod.api.freshness import _Bodies
from minispod.catalog.models import Category, Plan, Service
from minispod.cluster import monitoring
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import BOUNDS, db, session
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.nodes import worker
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
PATHS = (
    "/api/catalog/services",
    "/api/catalog/services?page=2&limit=3",
    "/api/catalog/search?q=blog",
    "/api/catalog/featured",
    "/api/catalog/services/n8n-automation",
    "/api/catalog/services/n8n-automation/plans",
    "/api//catalog/categories",
    "/api/catalog/categories/databases/services",
)

pytestmark = pytest.mark.usefixtures("catalog")


@contextmanager
def counting() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != BOUNDS:
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _copy(row: Any, **changes: object) -> Any:
    columns = {each.name: getattr(row, each.name) for each in row.__table__.columns}
    return type(row)(**{**columns, "id": new_id(), **changes})


def tag_of(client: FlaskClient, path: str = PATHS[0], **headers: str) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    return response.headers["ETag"]


def is_true_still(client: FlaskClient, tag: str, path: str = PATHS[0], **headers: str) -> bool:
    response = client.get(path, headers={"If-None-Match": tag, **headers})
    assert response.status_code in {200, 304}
    return response.status_code == 304


@contextmanager
def connections_held(app: Flask) -> Iterator[list[int]]:
    """How many connections were taken from the pool and not given back, each time that one was taken."""
    held, most = [0], []

    def take(*_: object) -> None:
        held[0] += 1
        most.append(held[0])

    def give_back(*_: object) -> None:
        held[0] -= 1

    with app.app_context():
        pool = db.engine.pool
    event.listen(pool, "checkout", take)
    event.listen(pool, "checkin", give_back)
    try:
        yield most
    finally:
        event.remove(pool, "checkout", take)
        event.remove(pool, "checkin", give_back)


@pytest.mark.parametrize("path", PATHS)
def test_no_request_waits_for_a_second_connection_while_it_holds_one(
    app: Flask, client: FlaskClient, administrator: Person, path: str
) -> None:
    """As many requests as the pool has connections would wait for one another."""
    with connections_held(app) as held:
        tag_of(client, path, **administrator.headers)

    assert max(held) == 1


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_the_client_has_is_not_made_again(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    tag = first.headers["ETag"]
    with counting() as sent:
        again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})

    assert tag.startswith('W/"')
    assert (again.status_code, again.get_data(), again.headers["ETag"]) == (304, b"", tag)
    assert_only_the_version_was_asked_for(sent)
    assert (
        client.get(path, headers={"If-None-Match": '"other"'}).get_json()["data"] == first.get_json()["data"]
    )


def assert_only_the_version_was_asked_for(sent: list[str]) -> None:
    """Of the catalogue, with the room on the machines: again where anything was committed in this server meanwhile."""
    assert 1 <= len(sent) <= 2
    assert all("pg_current_snapshot" in each for each in sent)


def test_a_second_client_is_answered_without_rendering(client: FlaskClient) -> None:
    first = client.get(PATHS[0])
    with counting() as sent:
        second = client.get(PATHS[0])

    assert second.get_json()["data"] == first.get_json()["data"]
    assert_only_the_version_was_asked_for(sent)


def test_each_address_has_tags_of_its_own(client: FlaskClient) -> None:
    tags = {tag_of(client, path) for path in PATHS}

    assert len(tags) == len(PATHS)


def test_what_was_asked_for_with_a_token_is_stored_for_its_owner_alone(
    client: FlaskClient, customer: Person, administrator: Person, app: Flask
) -> None:
    with app.app_context():
        at = session().scalars(select(Category.created_at)).first()
        session().add(Category(slug="empty", name="Empty", created_at=at, updated_at=at))
        session().commit()
    path = "/api/catalog/categories"
    anonymous = client.get(path)
    own = client.get(path, headers=customer.headers)
    staff = client.get(path, headers=administrator.headers)

    assert anonymous.headers["Cache-Control"] == "public, no-cache"
    assert own.headers["Cache-Control"] == staff.headers["Cache-Control"] == "private, no-cache"
    assert all("Authorization" in each.headers["Vary"] for each in (anonymous, own, staff))
    slugs = [{row["slug"] for row in data_of(each)} for each in (anonymous, own, staff)]
    assert ["empty" in each for each in slugs] == [False, False, True]
    assert not is_true_still(client, staff.headers["ETag"], path)
    assert not is_true_still(client, anonymous.headers["ETag"], path, **administrator.headers)
    assert is_true_still(client, staff.headers["ETag"], path, **administrator.headers)


def test_refusals_are_not_stored(client: FlaskClient) -> None:
    for path in ("/api/catalog/services/nothing", "/api/catalog/services?page=0"):
        response = client.get(path)
        assert response.status_code >= 400
        assert "ETag" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("model", [Category, Service, Plan])
def test_whatever_is_written_changes_the_version(
    app: Flask, client: FlaskClient, model: type[Category] | type[Service] | type[Plan]
) -> None:
    tag = tag_of(client)
    with app.app_context(), unit_of_work():
        row = session().scalars(select(model)).first()
        assert row is not None
        row.sort_order += 1

    assert not is_true_still(client, tag)


def test_what_is_not_committed_changes_nothing(app: Flask, client: FlaskClient) -> None:
    tag = tag_of(client)
    with app.app_context():
        for plan in session().scalars(select(Plan)):
            plan.sort_order += 1
        session().flush()
        session().rollback()

    assert is_true_still(client, tag)


def test_slots_are_shown_as_they_are_at_once(
    client: FlaskClient, shop: Shop, customer: Person, plan_id: PlanFinder
) -> None:
    tag = tag_of(client)
    mine = shop.order(customer, plan_id())
    after_order = client.get(PATHS[4], headers={"If-None-Match": tag})
    used = {plan["id"]: plan["usedQuota"] for plan in data_of(after_order)["plans"]}

    assert used[str(plan_id())] == 1
    assert not is_true_still(client, tag)
    tag = tag_of(client)
    shop.cancel(customer, mine)
    assert not is_true_still(client, tag)
    used = {plan["id"]: plan["usedQuota"] for plan in data_of(client.get(PATHS[4]))["plans"]}
    assert used[str(plan_id())] == 0


def test_room_on_the_machines_is_shown_as_it_is_and_a_poll_that_finds_the_same_changes_nothing(
    app: Flask, client: FlaskClient, clock: FrozenClock
) -> None:
    def poll(memory_mb: int, running: int) -> None:
        clock.advance(seconds=30)
        with app.app_context(), unit_of_work():
            seen = replace(worker(memory_mb=memory_mb), pods_running=running)
            monitoring.record_nodes([seen], clock.now())

    def places() -> set[int]:
        plans = data_of(client.get("/api/catalog/services/n8n-automation/plans"))["plans"]
        return {plan["availableQuota"] for plan in plans if plan["memoryMb"] == 1024}

    poll(1400, 1)
    tag = tag_of(client)
    assert places() == {1}
    poll(1400, 2)
    assert is_true_still(client, tag)
    poll(700, 2)
    assert not is_true_still(client, tag)
    assert places() == {0}


@pytest.mark.parametrize("path", PATHS)
def test_the_number_of_statements_does_not_grow_with_the_list(
    app: Flask, client: FlaskClient, path: str
) -> None:
    with counting() as few:
        client.get(path)
    with app.app_context(), unit_of_work():
        sample = session().scalars(select(Service).where(Service.slug == "postgresql")).one()
        plan = session().scalars(select(Plan).where(Plan.service_id == sample.id)).first()
        for number in range(20):
            copied = _copy(sample, slug=f"blog-{number}")
            session().add(copied)
            session().flush()
            session().add(_copy(plan, service_id=copied.id))
    with counting() as many:
        client.get(path)

    assert len(many) == len(few) > 1


def test_unknown_names_are_refused_whatever_the_client_has(client: FlaskClient) -> None:
    response = client.get("/api/catalog/services/nothing", headers={"If-None-Match": "*"})

    refused(response, 404, "catalog.no_such_service")


def test_answers_that_were_not_asked_for_make_room() -> None:
    bodies = _Bodies(most=3, most_bytes=100)
    for name in "abc":
        bodies.keep(name, b"x" * 10)
    assert bodies.find("a")
    bodies.keep("d", b"x" * 10)
    assert [name for name in "abcd" if bodies.find(name)] == ["a", "c", "d"]

    bodies.keep("d", b"y" * 85)  # the same again, larger: one of the others fits beside it
    assert [name for name in "abcd" if bodies.find(name)] == ["c", "d"]
    bodies.keep("e", b"x" * 101)
    assert not any(bodies.find(name) for name in "abcde")


def test_plans_in_one_place_stay_in_the_order_in_which_they_were_made(
    app: Flask, client: FlaskClient
) -> None:
    def names() -> list[str]:
        return [plan["name"] for plan in data_of(client.get("/api/catalog/services/n8n-automation"))["plans"]]

    with app.app_context(), unit_of_work():
        plans = session().scalars(select(Plan).join(Service).where(Service.slug == "n8n-automation")).all()
        for plan in plans:
            plan.sort_order = 0
        in_order = [plan.name for plan in sorted(plans, key=lambda plan: plan.id)]
    for name in in_order:
        assert names() == in_order
        with app.app_context(), unit_of_work():  # a row that was written last is found last
            session().execute(update(Plan).where(Plan.name == name).values(used_quota=Plan.used_quota + 1))
    assert names() == in_order
