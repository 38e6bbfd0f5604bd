"""An administrator looks as a customer: what the customer reads, and nothing that the customer does."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from minispod.accounts import sessions, stewardship, viewing
from minispod.accounts.errors import NotViewable
from minispod.accounts.models import User
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.statements import asked
from tests.plugins.app import PASSWORD, Person, PortsNow, data_of, refused
from tests.plugins.scene import Scene

_WHY = "The customer says the invoice is missing."
_SOME_ID = "01a1f922-b4b6-77d2-9267-754f21fb013a"


@pytest.fixture
def begin(app: Flask, ports: PortsNow, clock: FrozenClock) -> Callable[[Person, Person], dict[str, str]]:
    """Begin to look: the headers of an administrator who looks as a customer."""

    def make(administrator: Person, customer: Person) -> dict[str, str]:
        at = clock.now()
        with app.app_context():
            with unit_of_work():
                made = viewing.begin(customer.id, _WHY, actor=administrator.actor, at=at)
            seen = viewing.get_own(made.id, actor=administrator.actor, at=at)
            token = viewing.issue(seen, keys=ports.token_keys, at=at)
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def looking(
    begin: Callable[[Person, Person], dict[str, str]], administrator: Person, customer: Person
) -> dict[str, str]:
    """The headers of the administrator who looks as the customer."""
    return begin(administrator, customer)


def _code(app: Flask, administrator: Person, customer: Person, clock: FrozenClock) -> str:
    with app.app_context(), unit_of_work():
        made = viewing.begin(customer.id, _WHY, actor=administrator.actor, at=clock.now())
        session().flush()
        return viewing.make_code(made.id, actor=administrator.actor, at=clock.now())


def _sign_in(client: FlaskClient, email: str, password: str) -> Any:
    return client.post("/api/auth/login", json={"email": email, "password": password})


def _writes(app: Flask) -> Iterator[tuple[str, str]]:
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}):
            if rule.rule.startswith("/api/v1/"):
                given = {
                    name: "1" if name == "number" else _SOME_ID
                    for name, converter in rule._converters.items()
                    if name in rule.arguments
                }
                yield method, adapter.build(rule.endpoint, given, method=method, append_unknown=False)


def test_it_reads_what_the_customer_reads_and_says_who_looks(
    client: FlaskClient, looking: dict[str, str], customer: Person, clock: FrozenClock
) -> None:
    for door in ("/api/wallet/info", "/api/subscriptions", "/api/tickets", "/api/billing/invoices"):
        assert data_of(client.get(door, headers=looking)) == data_of(
            client.get(door, headers=customer.headers)
        ), door

    told, own = (
        data_of(client.get("/api/auth/profile", headers=headers)) for headers in (looking, customer.headers)
    )
    assert told["viewing"]["administrator"] == "Ayu Admin"
    assert told["viewing"]["endsAt"].startswith((clock.now() + viewing.LASTS).isoformat()[:16])
    assert "viewing" not in own
    assert told["user"] == own["user"]


def test_the_token_names_both_people(
    looking: dict[str, str], administrator: Person, customer: Person, clock: FrozenClock
) -> None:
    claims = jwt.decode(looking["Authorization"].split()[1], options={"verify_signature": False})

    assert claims["sub"] == str(customer.id)
    assert claims["act"] == {"sub": str(administrator.id)}
    assert claims["exp"] == int((clock.now() + viewing.LASTS).timestamp())


def test_every_write_is_refused_before_anything_is_looked_at(
    app: Flask, client: FlaskClient, scene: Scene, begin: Callable[[Person, Person], dict[str, str]]
) -> None:
    looking = begin(scene.administrator, scene.customer)
    doors = [
        (method, path)
        for method, path in _writes(app)
        if client.open(path, method=method, json={}).status_code == 401
    ]
    with app.app_context():
        before = session().scalar(text("SELECT count(*) FROM audit_entries"))
        session().rollback()

    answers = {
        (method, path): client.open(path, method=method, json={}, headers=looking) for method, path in doors
    }

    assert len(answers) > 60
    wrong = {
        door: (answer.status_code, (answer.get_json() or {}).get("code"))
        for door, answer in answers.items()
        if (answer.status_code, (answer.get_json() or {}).get("code")) != (403, "accounts.viewing_only")
    }
    assert wrong == {}
    with app.app_context():
        assert session().scalar(text("SELECT count(*) FROM audit_entries")) == before


def test_no_read_writes_anything(
    app: Flask, client: FlaskClient, scene: Scene, begin: Callable[[Person, Person], dict[str, str]]
) -> None:
    looking = begin(scene.administrator, scene.customer)
    adapter = app.url_map.bind("localhost")
    wrong = {}
    paths = [
        adapter.build(
            rule.endpoint,
            {name: scene.ids.get(name, (_SOME_ID,))[0] for name in rule.arguments},
            method="GET",
        )
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        and "GET" in (rule.methods or ())
        and not rule.rule.startswith(("/api/v1/admin", "/api/v1/docs"))
    ]
    for path in paths:
        with asked("") as statements:
            answer = client.get(path, headers=looking)
            answer.get_data()
        writes = [
            statement for statement, _ in statements if statement.split()[0] in ("INSERT", "UPDATE", "DELETE")
        ]
        if answer.status_code in (403, 500) or writes:
            wrong[path] = (answer.status_code, writes)

    assert len(paths) > 30
    assert wrong == {}


def test_what_is_refused_is_open_again_to_the_next_request(
    client: FlaskClient, looking: dict[str, str], customer: Person
) -> None:
    client.get("/api/wallet/info", headers=looking)

    changed = client.put("/api/user/profile", json={"name": "Siti Baru"}, headers=customer.headers)

    assert data_of(changed)["user"]["name"] == "Siti Baru"


def test_staff_pages_are_as_closed_as_to_the_customer(client: FlaskClient, looking: dict[str, str]) -> None:
    refused(client.get("/api/admin/users", headers=looking), 403, "accounts.staff_only")


def test_it_is_over_after_its_time(client: FlaskClient, looking: dict[str, str], clock: FrozenClock) -> None:
    clock.advance(seconds=viewing.LASTS.total_seconds())

    refused(client.get("/api/wallet/info", headers=looking), 401, "accounts.bad_token")


@pytest.mark.parametrize("what", ["ended", "demoted", "left", "blocked", "customer blocked", "promoted"])
def test_it_is_over_at_once_when_somebody_may_not_any_more(
    app: Flask,
    client: FlaskClient,
    looking: dict[str, str],
    administrator: Person,
    customer: Person,
    person: Callable[..., Person],
    clock: FrozenClock,
    what: str,
) -> None:
    other, at = person(role=Role.ADMINISTRATOR), clock.now()
    with app.app_context(), unit_of_work():
        if what == "ended":
            (seen,) = viewing.list_standing(administrator.id, at=at)
            viewing.end(seen.viewing.id, actor=administrator.actor, at=at)
        elif what == "demoted":
            stewardship.change(administrator.id, {"role": Role.USER}, actor=other.actor, at=at)
        elif what == "left":
            sessions.sign_out_everywhere(administrator.id, actor=administrator.actor, at=at)
        elif what == "promoted":
            stewardship.change(customer.id, {"role": Role.ADMINISTRATOR}, actor=other.actor, at=at)
        else:
            gone = customer if what == "customer blocked" else administrator
            stewardship.block(gone.id, actor=other.actor, at=at)

    assert client.get("/api/wallet/info", headers=looking).status_code == 401


@pytest.mark.parametrize("what", ["demoted", "blocked", "signed out", "customer blocked", "promoted"])
def test_what_was_over_does_not_begin_again_when_it_is_taken_back(
    app: Flask,
    client: FlaskClient,
    looking: dict[str, str],
    administrator: Person,
    customer: Person,
    person: Callable[..., Person],
    clock: FrozenClock,
    what: str,
) -> None:
    other, at = person(role=Role.ADMINISTRATOR).actor, clock.now()
    with app.app_context():
        with unit_of_work():
            if what == "demoted":
                stewardship.change(administrator.id, {"role": Role.USER}, actor=other, at=at)
            elif what == "promoted":
                stewardship.change(customer.id, {"role": Role.ADMINISTRATOR}, actor=other, at=at)
            elif what == "signed out":
                stewardship.sign_out(administrator.id, actor=other, at=at)
            else:
                gone = customer if what == "customer blocked" else administrator
                stewardship.block(gone.id, actor=other, at=at)
        with unit_of_work():
            if what == "demoted":
                stewardship.change(administrator.id, {"role": Role.ADMINISTRATOR}, actor=other, at=at)
            elif what == "promoted":
                stewardship.change(customer.id, {"role": Role.USER}, actor=other, at=at)
            elif what != "signed out":
                stewardship.unblock(gone.id, actor=other, at=at)

    refused(client.get("/api/wallet/info", headers=looking), 401, "accounts.bad_token")
    with app.app_context():
        assert viewing.list_standing(administrator.id, at=at) == []
        ended = text("SELECT actor_id FROM audit_entries WHERE action = 'account.viewing_ended'")
        assert session().scalars(ended).all() == [other.user_id]


def test_the_book_says_who_made_a_password(
    app: Flask, administrator: Person, customer: Person, clock: FrozenClock
) -> None:
    _code(app, administrator, customer, clock)

    with app.app_context():
        told = text(
            "SELECT actor_name, subject_id FROM audit_entries WHERE action = 'account.viewing_code_made'"
        )
        assert session().execute(told).all() == [("Ayu Admin", str(customer.id))]


def test_the_front_ends_form_lets_in_with_a_password_that_works_once(
    app: Flask, client: FlaskClient, administrator: Person, customer: Person, clock: FrozenClock
) -> None:
    code = _code(app, administrator, customer, clock)

    let_in = data_of(_sign_in(client, customer.email.upper(), code))
    again = _sign_in(client, customer.email, code)

    assert let_in["user"]["name"] == "Siti Rahma (seen by Ayu Admin)"
    assert let_in["user"]["id"] == str(customer.id)
    refused(
        client.post("/api/auth/refresh-token", json={"refreshToken": let_in["refreshToken"]}),
        401,
        "accounts.bad_token",
    )
    assert let_in["viewing"]["administrator"] == "Ayu Admin"
    headers = {"Authorization": f"Bearer {let_in['accessToken']}"}
    assert client.get("/api/wallet/info", headers=headers).status_code == 200
    refused(
        client.post("/api/wallet/topup", json={"amount": 50_000}, headers=headers),
        403,
        "accounts.viewing_only",
    )
    refused(again, 401, "accounts.bad_credentials")
    with app.app_context():
        assert session().get_one(User, customer.id).signed_in_at is None


@pytest.mark.parametrize("what", ["late", "another customer", "ended", "made up"])
def test_no_other_password_of_that_form_lets_in(
    app: Flask,
    client: FlaskClient,
    administrator: Person,
    customer: Person,
    person: Callable[..., Person],
    clock: FrozenClock,
    what: str,
) -> None:
    code, email = _code(app, administrator, customer, clock), customer.email
    if what == "late":
        clock.advance(seconds=viewing.CODE_LASTS.total_seconds())
    elif what == "another customer":
        email = person(name="Somebody Else").email
    elif what == "ended":
        with app.app_context(), unit_of_work():
            (seen,) = viewing.list_standing(administrator.id, at=clock.now())
            viewing.end(seen.viewing.id, actor=administrator.actor, at=clock.now())
    else:
        code = f"view-{uuid.uuid4().hex}"

    refused(_sign_in(client, email, code), 401, "accounts.bad_credentials")
    assert _sign_in(client, customer.email, PASSWORD).status_code == 200


def test_a_customers_own_password_may_look_like_one(app: Flask, client: FlaskClient) -> None:
    new = {"name": "Dewi Lestari", "email": "dewi@example.com", "password": "view-of-the-sea"}
    assert client.post("/api/auth/register", json=new).status_code == 201

    assert "viewing" not in data_of(_sign_in(client, new["email"], new["password"]))


@pytest.mark.parametrize("who", ["administrator", "blocked"])
def test_staff_and_blocked_accounts_are_not_looked_at(
    app: Flask, administrator: Person, person: Callable[..., Person], clock: FrozenClock, who: str
) -> None:
    wanted = person(role=Role.ADMINISTRATOR if who == "administrator" else Role.USER)
    with app.app_context():
        if who == "blocked":
            with unit_of_work():
                stewardship.block(wanted.id, actor=administrator.actor, at=clock.now())
        with pytest.raises(NotViewable), unit_of_work():
            viewing.begin(wanted.id, _WHY, actor=administrator.actor, at=clock.now())


def test_what_is_long_over_is_forgotten_and_the_book_remembers(
    app: Flask,
    looking: dict[str, str],
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    clock.advance(days=2)

    tick("clean-up")

    with app.app_context():
        assert session().scalar(text("SELECT count(*) FROM viewings")) == 0
        said = session().scalar(
            text("SELECT details ->> 'reason' FROM audit_entries WHERE action = 'account.viewing_begun'")
        )
    assert said == _WHY
