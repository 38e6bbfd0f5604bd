"""User administration over the wire: list, file, changes, what is protected, and how accounts end."""

import csv
import io
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.actor import Role
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.wallet.models import Wallet
from tests.plugins.app import PASSWORD, Person, data_of, refused
from tests.plugins.shop import Shop

PATH = "/api/admin/users"
NEW = {"name": "Dewi Baru", "email": "dewi@example.com", "password": "rahasia123"}
PersonMaker = Callable[..., Person]
PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def listed(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    def ask(**query: Any) -> Any:
        return data_of(client.get(PATH, query_string=query, headers=administrator.headers))

    return ask


@pytest.fixture
def put(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    def change(who: object, **body: Any) -> Any:
        return client.put(f"{PATH}/{who}", json=body, headers=administrator.headers)

    return change


@pytest.fixture
def switch(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    def patch(who: object, **body: Any) -> Any:
        return client.patch(f"{PATH}/{who}/status", json=body, headers=administrator.headers)

    return patch


@pytest.fixture
def remove(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    """DELETE as the front end sends it: announced as JSON, without a body."""

    def delete(who: object) -> Any:
        headers = {**administrator.headers, "Content-Type": "application/json"}
        return client.delete(f"{PATH}/{who}", headers=headers)

    return delete


@contextmanager
def _statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def _acts(app: Flask, subject: object) -> list[str]:
    with app.app_context():
        wanted = (
            select(AuditEntry.action).where(AuditEntry.subject_id == str(subject)).order_by(AuditEntry.id)
        )
        return [str(each) for each in session().scalars(wanted)]


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
    with _statements() as few:
        assert listed()["users"][0]["_count"] == {"subscriptions": 1}
    for _ in range(5):
        shop.order(person(credit=100_000), plan_id())

    with _statements() as many:
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
    assert _acts(app, "all") == ["account.exported"]


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
    assert data_of(client.get("/api/user/profile", headers=customer.headers))["user"]["name"] == "Dewi"

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


def test_an_address_in_another_case_stays_ones_own(put: Callable[..., Any], person: PersonMaker) -> None:
    someone = person(email="siti@example.com")

    assert data_of(put(someone.id, email="Siti@Example.com"))["user"]["email"] == "Siti@Example.com"


def test_a_role_takes_effect_at_once(
    app: Flask, client: FlaskClient, put: Callable[..., Any], customer: Person
) -> None:
    data_of(put(customer.id, role="ADMINISTRATOR"))
    data_of(client.get(PATH, headers=customer.headers))

    data_of(put(customer.id, role="USER"))

    refused(client.get(PATH, headers=customer.headers), 403, "accounts.staff_only")
    assert _acts(app, customer.id).count("account.role_changed") == 2


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


def test_a_deactivated_customer_is_out_everywhere_at_once(
    client: FlaskClient, switch: Callable[..., Any], person: PersonMaker
) -> None:
    someone = person()
    tokens = data_of(client.post("/api/auth/login", json={"email": someone.email, "password": PASSWORD}))
    headers = {"Authorization": f"Bearer {tokens['accessToken']}"}

    assert data_of(switch(someone.id))["user"]["isActive"] is False

    for each in (headers, someone.headers):
        refused(client.get("/api/wallet/info", headers=each), 401, "accounts.deactivated")
    refresh = {"refreshToken": tokens["refreshToken"]}
    assert client.post("/api/auth/refresh", json=refresh).status_code == 401
    login = {"email": someone.email, "password": PASSWORD}
    refused(client.post("/api/auth/login", json=login), 401, "accounts.deactivated")

    assert data_of(switch(someone.id))["user"]["isActive"] is True
    refused(client.get("/api/wallet/info", headers=headers), 401, "accounts.bad_token")
    refused(client.post("/api/auth/refresh", json=refresh), 401, "accounts.bad_token")
    data_of(client.post("/api/auth/login", json=login))


def test_several_are_switched_each_with_an_outcome_of_its_own(
    client: FlaskClient, administrator: Person, person: PersonMaker, listed: Callable[..., Any]
) -> None:
    two = [person(), person()]
    ids = [str(two[0].id), "nobody", str(administrator.id), str(two[1].id)]

    def switch(**body: Any) -> Any:
        return client.patch(f"{PATH}/status", json=body, headers=administrator.headers)

    data = data_of(switch(userIds=ids, isActive=False, instances="stop"))

    assert [each["success"] for each in data["results"]] == [True, False, False, True]
    assert [each.get("code") for each in data["results"]][2] == "accounts.last_administrator"
    assert data["summary"] == {"total": 4, "successful": 2, "failed": 2}
    assert listed(status="inactive")["pagination"]["totalCount"] == 2
    for each in two:
        refused(client.get("/api/auth/profile", headers=each.headers), 401, "accounts.deactivated")
    data_of(switch(userIds=ids, isActive=True))
    assert listed(status="inactive")["users"] == []
    for odd in ({}, {"userIds": []}, {"userIds": ["x"] * 101, "isActive": True}, {"userIds": ids}):
        refused(switch(**odd), 400, "request.invalid")


def _fate(app: Flask, subscription_id: uuid.UUID) -> tuple[SubscriptionStatus, Wanted]:
    with app.app_context():
        subscription = session().get_one(Subscription, subscription_id)
        instance = (
            session().scalars(select(Instance).where(Instance.subscription_id == subscription_id)).one()
        )
        return subscription.status, instance.wanted


@pytest.mark.parametrize(
    ("choice", "status", "wanted"),
    [
        (None, SubscriptionStatus.ACTIVE, Wanted.RUNNING),
        ("", SubscriptionStatus.ACTIVE, Wanted.RUNNING),
        ("leave", SubscriptionStatus.ACTIVE, Wanted.RUNNING),
        ("stop", SubscriptionStatus.ACTIVE, Wanted.STOPPED),
        ("cancel", SubscriptionStatus.CANCELLED, Wanted.ABSENT),
    ],
)
def test_applications_follow_the_choice(
    app: Flask,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    switch: Callable[..., Any],
    run_jobs: Callable[[], int],
    cluster: object,
    choice: str | None,
    status: SubscriptionStatus,
    wanted: Wanted,
) -> None:
    two = [shop.order(customer, plan_id()), shop.order(customer, plan_id("ghost-blog"))]

    data_of(switch(customer.id, isActive=False, instances=choice))
    run_jobs()

    assert [_fate(app, each) for each in two] == [(status, wanted)] * 2


def test_who_is_active_again_before_the_job_came_keeps_everything(
    app: Flask,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    switch: Callable[..., Any],
    run_jobs: Callable[[], int],
    cluster: object,
) -> None:
    mine = shop.order(customer, plan_id())

    data_of(switch(customer.id, isActive=False, instances="cancel"))
    data_of(switch(customer.id, isActive=True))
    run_jobs()

    assert _fate(app, mine) == (SubscriptionStatus.ACTIVE, Wanted.RUNNING)


def test_without_a_history_the_account_is_gone(
    app: Flask,
    client: FlaskClient,
    remove: Callable[..., Any],
    person: PersonMaker,
    listed: Callable[..., Any],
) -> None:
    someone = person(email="gone@example.com")
    login = {"email": someone.email, "password": PASSWORD}
    data_of(client.post("/api/auth/login", json=login))

    assert data_of(remove(someone.id)) is None

    with app.app_context():
        for table in (User, Wallet):
            column = table.id if table is User else Wallet.user_id  # type: ignore[attr-defined]
            assert session().scalar(select(func.count()).where(column == someone.id)) == 0
        left = session().scalars(select(Notification).where(Notification.user_id == someone.id)).all()
        assert [(each.to_address, each.state.value) for each in left] == [("", "FAILED")]
    refused(client.get("/api/user/profile", headers=someone.headers), 401, "accounts.bad_token")
    refused(client.post("/api/auth/login", json=login), 401, "accounts.bad_credentials")
    assert len(listed()["users"]) == 1
    person(email="gone@example.com")


def test_with_a_history_nothing_of_the_person_is_left_but_the_books(
    app: Flask,
    client: FlaskClient,
    put: Callable[..., Any],
    switch: Callable[..., Any],
    remove: Callable[..., Any],
    administrator: Person,
    customer: Person,
    shop: Shop,
    listed: Callable[..., Any],
) -> None:
    data_of(put(customer.id, phone="081298765432", avatar="https://example.com/a.png"))

    data_of(remove(customer.id))

    with app.app_context():
        user = session().get_one(User, customer.id)
        assert (user.name, user.is_active, user.deleted_at is not None) == ("Deleted customer", False, True)
        assert (user.phone, user.avatar, user.google_id, user.password_hash) == (None,) * 4
        assert customer.email not in user.email
        assert session().get_one(Wallet, customer.id).balance == 500_000
        messages = session().scalars(select(Notification).where(Notification.user_id == customer.id)).all()
        assert {(each.to_name, each.to_address) for each in messages} == {("", "")}
    assert [each["name"] for each in listed()["users"]] == ["Ayu Admin"]
    refused(client.get("/api/user/profile", headers=customer.headers), 401, "accounts.deactivated")
    for again in (remove(customer.id), put(customer.id, name="Back"), switch(customer.id)):
        refused(again, 404, "accounts.no_such_user")
    address = f"{PATH}/{customer.id}"
    refused(client.get(address, headers=administrator.headers), 404, "accounts.no_such_user")
    assert _acts(app, customer.id)[-1] == "account.anonymised"


def test_whoever_is_subscribed_is_not_deleted_with_a_click(
    app: Flask,
    client: FlaskClient,
    remove: Callable[..., Any],
    administrator: Person,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
) -> None:
    mine = shop.order(customer, plan_id())

    body = refused(remove(customer.id), 409, "subscriptions.still_subscribed")
    assert body["data"] == {"activeSubscriptions": 1}

    cancel = f"/api/admin/subscriptions/{mine}/force-cancel"
    reason = {"reason": "The customer asked for it", "terminateInstances": True}
    data_of(client.delete(cancel, json=reason, headers=administrator.headers))
    data_of(remove(customer.id))


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
