"""User administration over the wire: list, file, changes, and what is protected."""

import csv
import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.kernel.actor import Role
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.api.users.conftest import PATH, acts_on
from tests.factories.statements import asked
from tests.plugins.app import PASSWORD, Person, data_of, refused
from tests.plugins.shop import Shop

NEW = {"name": "Dewi Baru", "email": "dewi@example.com", "password": "rahasia123"}
PersonMaker = Callable[..., Person]
PlanFinder = Callable[..., uuid.UUID]


def test_without_paging_everybody_is_listed_newest_first(
    listed: Callable[..., Any], person: PersonMaker
) -> None:
    for number in range(12):
        person(name=f"Person {number:02}")

    found = listed()

    assert [each["name"] for each in found["users"]][:2] == ["Person 11", "Person 10"]
    assert len(found["users"]) == found["pagination"]["totalCount"] == 13


def test_the_list_is_searched_filtered_and_sorted(
    listed: Callable[..., Any], person: PersonMaker, switch: Callable[..., Any]
) -> None:
    rich, poor = person(name="Rich One", credit=90_000), person(name="poor_100%", email="poor@example.com")
    data_of(switch(poor.id))

    def names(**query: Any) -> list[str]:
        return [each["name"] for each in listed(**query)["users"]]

    assert names(search="POOR@") == names(search="100%") == names(search="r_1") == ["poor_100%"]
    assert names(search="o%e") == []
    assert names(role="ADMINISTRATOR") == ["Ayu Admin"]
    assert names(status="inactive") == ["poor_100%"]
    assert names(status="active", role="USER") == ["Rich One"]
    assert names(sortBy="creditBalance")[0] == "Rich One"
    assert names(sortBy="name", sortOrder="asc") == ["Ayu Admin", "poor_100%", "Rich One"]
    assert names(page=2, limit=2, sortBy="name", sortOrder="asc") == ["Rich One"]
    assert names(page=50, limit=100) == []
    assert rich


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"page": 0},
        {"page": "x"},
        {"page": 10**30},
        {"sortBy": "password_hash"},
        {"sortOrder": "up"},
        {"role": "GOD"},
        {"status": "maybe"},
        {"search": "a\x00"},
        {"search": "x" * 101},
    ],
    ids=ascii,
)
def test_an_odd_question_is_refused(client: FlaskClient, administrator: Person, query: Any) -> None:
    refused(client.get(PATH, query_string=query, headers=administrator.headers), 400, "request.invalid")


def test_the_list_counts_subscriptions_with_a_constant_number_of_statements(
    listed: Callable[..., Any], person: PersonMaker, shop: Shop, plan_id: PlanFinder
) -> None:
    shop.order(person(name="First", credit=100_000), plan_id())
    with asked() as few:
        assert listed()["users"][0]["_count"] == {"subscriptions": 1}
    for _ in range(5):
        shop.order(person(credit=100_000), plan_id())

    with asked() as many:
        assert len(listed()["users"]) == 7

    assert len(many) == len(few)


def test_the_file_has_what_the_list_has_and_is_written_down(
    app: Flask,
    client: FlaskClient,
    administrator: Person,
    person: PersonMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from minispod.insights import users

    monkeypatch.setattr(users, "_PAGE", 2)
    for number in range(4):
        person(name=f"=Person{number}", credit=10_000 * (number + 1))

    answer = client.get(f"{PATH}/export.csv?search=person", headers=administrator.headers)

    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["Name"] for row in rows] == [f"'=Person{number}" for number in range(4)]
    assert [row["Credit (IDR)"] for row in rows] == ["10000", "20000", "30000", "40000"]
    assert acts_on(app, "all") == ["account.exported"]


def test_a_new_account_gets_no_welcome_bonus_and_may_sign_in(
    client: FlaskClient, administrator: Person
) -> None:
    def create(**body: Any) -> Any:
        return client.post(PATH, json={**NEW, **body}, headers=administrator.headers)

    user = data_of(create(phone="", avatar=None, role="ADMINISTRATOR", unknown=1), 201)["user"]

    assert (user["role"], user["phone"], user["creditBalance"]) == ("ADMINISTRATOR", None, 0)
    signed = data_of(
        client.post("/api/auth/login", json={"email": NEW["email"], "password": NEW["password"]})
    )
    data_of(client.get(PATH, headers={"Authorization": f"Bearer {signed['accessToken']}"}))
    refused(create(email="DEWI@example.com"), 409, "accounts.email_taken")
    for odd in ({"password": "short"}, {"email": "x"}, {"role": "GOD"}, {"name": "a\x00b"}, {"phone": "1"}):
        refused(create(**{"email": "other@example.com", **odd}), 400, "request.invalid")
    refused(create(email="other@example.com", password="ö" * 40), 400, "accounts.password_unfit")


def test_the_dialog_changes_an_account(
    app: Flask, client: FlaskClient, put: Callable[..., Any], customer: Person, person: PersonMaker
) -> None:
    user = data_of(
        put(customer.id, name="Dewi", email="dewi@example.com", phone="081298765432", avatar="", role="USER")
    )["user"]
    assert (user["email"], user["phone"], user["avatar"]) == ("dewi@example.com", "081298765432", None)
    assert data_of(put(customer.id, name="", email=None, phone="", role=""))["user"]["phone"] is None
    login = {"email": "dewi@example.com", "password": PASSWORD}
    assert data_of(client.post("/api/auth/login", json=login))["user"]["name"] == "Dewi"

    other = person(email="other@example.com")
    refused(put(customer.id, email="OTHER@example.com"), 409, "accounts.email_taken")
    data_of(put(other.id, phone="081298765432"))
    refused(put(customer.id, phone="081298765432", email="free@example.com"), 409, "accounts.phone_taken")
    for odd in ({"email": "x"}, {"role": "GOD"}, {"name": "x"}, {"avatar": "javascript:alert(1)"}):
        refused(put(customer.id, **odd), 400, "request.invalid")
    with app.app_context():
        entries = session().scalars(
            select(AuditEntry)
            .where(AuditEntry.subject_id == str(customer.id), AuditEntry.action == "account.changed")
            .order_by(AuditEntry.id)
        )
        assert next(iter(entries)).details["changed"]["name"] == ["Siti Rahma", "Dewi"]


def test_an_address_in_another_case_stays_ones_own(
    client: FlaskClient, put: Callable[..., Any], person: PersonMaker
) -> None:
    someone = person(email="siti@example.com")

    assert data_of(put(someone.id, email="Siti@Example.com"))["user"]["email"] == "Siti@Example.com"
    data_of(client.get("/api/user/profile", headers=someone.headers))


def test_whoever_came_in_with_the_former_address_is_out(
    app: Flask, client: FlaskClient, put: Callable[..., Any], person: PersonMaker
) -> None:
    someone = person(email="old@example.com")
    with app.app_context(), unit_of_work():
        session().get_one(User, someone.id).google_id = "the old owner's"

    data_of(put(someone.id, email="new@example.com"))

    refused(client.get("/api/user/profile", headers=someone.headers), 401, "accounts.bad_token")
    with app.app_context():
        assert session().get_one(User, someone.id).google_id is None
    assert "account.google_unlinked" in acts_on(app, someone.id)


def test_an_address_changed_while_deactivated_leaves_the_choice_for_the_applications(
    app: Flask, put: Callable[..., Any], switch: Callable[..., Any], person: PersonMaker
) -> None:
    someone = person()
    data_of(switch(someone.id, isActive=False))
    with app.app_context():
        version = session().get_one(User, someone.id).token_version

    data_of(put(someone.id, email="new@example.com"))

    with app.app_context():
        assert session().get_one(User, someone.id).token_version == version


def test_a_role_takes_effect_at_once(
    app: Flask, client: FlaskClient, put: Callable[..., Any], customer: Person
) -> None:
    data_of(put(customer.id, role="ADMINISTRATOR"))
    data_of(client.get(PATH, headers=customer.headers))

    data_of(put(customer.id, role="USER"))

    refused(client.get(PATH, headers=customer.headers), 403, "accounts.staff_only")
    assert acts_on(app, customer.id).count("account.role_changed") == 2


def test_nobody_locks_themselves_out(
    put: Callable[..., Any],
    switch: Callable[..., Any],
    remove: Callable[..., Any],
    administrator: Person,
    person: PersonMaker,
) -> None:
    mine = administrator.id
    refused(put(mine, role="USER"), 400, "accounts.last_administrator")
    refused(switch(mine), 400, "accounts.last_administrator")
    refused(remove(mine), 400, "accounts.last_administrator")

    person(role=Role.ADMINISTRATOR)

    refused(put(mine, role="USER"), 400, "accounts.own_account")
    refused(switch(mine, isActive=False), 400, "accounts.own_account")
    refused(remove(mine), 400, "accounts.own_account")
    assert data_of(put(mine, name="Ayu Lain", role="ADMINISTRATOR"))["user"]["name"] == "Ayu Lain"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/export.csv"),
        ("POST", ""),
        ("GET", "/{}"),
        ("PUT", "/{}"),
        ("PATCH", "/{}/status"),
        ("DELETE", "/{}"),
    ],
)
def test_it_is_for_administrators(client: FlaskClient, customer: Person, method: str, path: str) -> None:
    address = PATH + path.format(customer.id)
    refused(client.open(address, method=method, json=NEW), 401, "unauthenticated")
    mine = customer.headers
    refused(client.open(address, method=method, json=NEW, headers=mine), 403, "accounts.staff_only")


@pytest.mark.parametrize("odd", ["0", "x" * 300, "%00", str(uuid.UUID(int=0)), "..", "é"])
def test_an_odd_id_is_nobody(client: FlaskClient, administrator: Person, odd: str) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/status")):
        answer = client.open(f"{PATH}/{odd}{path}", method=method, json={}, headers=administrator.headers)
        assert answer.status_code == 404, (method, answer.get_json())


def test_the_picture_is_changed_and_taken_away(client: FlaskClient, customer: Person) -> None:
    def change(body: Any) -> Any:
        return client.patch("/api/user/avatar", json=body, headers=customer.headers)

    picture = "https://example.com/a.png"
    assert data_of(change({"avatar": picture}))["user"]["avatar"] == picture
    assert data_of(change({"avatar": ""}))["user"]["avatar"] is None
    assert data_of(change({"avatar": None}))["user"]["avatar"] is None
    for odd in ({}, {"avatar": "no url"}, {"avatar": "data:image/png;base64,x"}, {"avatar": 7}, []):
        refused(change(odd), 400, "request.invalid")
    refused(change({"avatar": "https://example.com/" + "a" * 500}), 400, "request.invalid")
    refused(client.patch("/api/user/avatar", json={"avatar": picture}), 401, "unauthenticated")
