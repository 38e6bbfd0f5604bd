"""Proving an address, choosing and changing a password: over the wire, and on the pages the mails lead to."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from minispod.accounts import mailed_tokens
from minispod.accounts.models import MailedToken, Purpose, User
from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from tests.plugins.app import PASSWORD, Person, PortsNow, data_of, refused
from tests.plugins.simulators import Simulator

NEW = {"name": "Siti Rahma", "email": "siti@example.com", "password": "rahasia123"}
FRESH = "another horse"
PlanFinder = Callable[..., uuid.UUID]


@pytest.fixture
def newest_token(app: Flask, ports: PortsNow) -> Callable[[Purpose], str]:
    """The token of the newest mail for this purpose, as the job puts it into the link."""

    def find(purpose: Purpose) -> str:
        with app.app_context():
            newest = (
                select(MailedToken.id).where(MailedToken.purpose == purpose).order_by(MailedToken.id.desc())
            )
            row_id = session().scalar(newest.limit(1))
            assert row_id is not None
            return mailed_tokens.token_of(row_id, purpose, ports.token_keys)

    return find


def _register(client: FlaskClient) -> dict[str, str]:
    data = data_of(client.post("/api/auth/register", json=NEW), 201)
    return {"Authorization": f"Bearer {data['accessToken']}"}


def _forget(client: FlaskClient, email: str) -> Any:
    answer = client.post("/api/auth/password/forgot", json={"email": email})
    assert answer.status_code == 200
    return {**answer.get_json(), "timestamp": None}


def _sign_in(client: FlaskClient, email: str, password: str) -> int:
    answer = client.post("/api/auth/login", json={"email": email, "password": password})
    return int(answer.status_code)


def _is_proven(app: Flask, email: str) -> bool:
    with app.app_context():
        return session().scalars(select(User).where(User.email == email)).one().email_verified


def test_who_registers_proves_the_address_and_may_have_a_free_plan(
    app: Flask,
    client: FlaskClient,
    newest_token: Callable[[Purpose], str],
    plan_id: PlanFinder,
) -> None:
    headers = _register(client)
    first = newest_token(Purpose.VERIFY_EMAIL)
    order = {"planId": str(plan_id("n8n-automation", "FREE"))}
    refused(
        client.post("/api/subscriptions", json=order, headers=headers), 400, "subscriptions.email_not_proven"
    )
    assert newest_token(Purpose.VERIFY_EMAIL) != first  # it came with the refusal
    token = newest_token(Purpose.VERIFY_EMAIL)

    data_of(client.post("/api/auth/email/verify", json={"token": token}))

    assert _is_proven(app, NEW["email"])
    data_of(client.post("/api/subscriptions", json=order, headers=headers), 201)
    again = client.post("/api/auth/email/verify", json={"token": token})
    refused(again, 400, "accounts.bad_mailed_token")


def test_a_newer_mail_ends_the_older_one_and_proves_once(
    client: FlaskClient, newest_token: Callable[[Purpose], str]
) -> None:
    headers = _register(client)
    first = newest_token(Purpose.VERIFY_EMAIL)
    data_of(client.post("/api/auth/email/verification", headers=headers, content_type="application/json"))
    second = newest_token(Purpose.VERIFY_EMAIL)

    assert first != second
    refused(client.post("/api/auth/email/verify", json={"token": first}), 400, "accounts.bad_mailed_token")
    data_of(client.post("/api/auth/email/verify", json={"token": second}))
    data_of(client.post("/api/auth/email/verification", headers=headers))
    assert newest_token(Purpose.VERIFY_EMAIL) == second


def test_an_account_gets_few_mails_an_hour(
    app: Flask, client: FlaskClient, customer: Person, clock: FrozenClock
) -> None:
    def mails() -> int:
        with app.app_context():
            wanted = select(func.count()).where(Notification.kind == "reset_password")
            return session().scalar(wanted) or 0

    for _ in range(5):
        _forget(client, customer.email)
    assert mails() == 3

    clock.advance(hours=1, seconds=1)
    _forget(client, customer.email)
    assert mails() == 4


def test_the_answer_never_tells_whether_there_is_an_account(
    app: Flask, client: FlaskClient, customer: Person, person: Callable[..., Person]
) -> None:
    blocked = person()
    with app.app_context():
        session().get_one(User, blocked.id).is_active = False
        session().commit()

    answers = [_forget(client, email) for email in (customer.email, blocked.email, "nobody@example.com")]

    assert answers[0] == answers[1] == answers[2]
    with app.app_context():
        asked = session().scalars(select(MailedToken.user_id)).all()
        assert list(asked) == [customer.id]


def test_a_forgotten_password_is_replaced_once_and_everything_is_signed_out(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    newest_token: Callable[[Purpose], str],
) -> None:
    with app.app_context():
        session().get_one(User, customer.id).email_verified = False
        session().commit()
    _forget(client, customer.email.upper())
    token = newest_token(Purpose.RESET_PASSWORD)

    def reset(password: str) -> Any:
        return client.post("/api/auth/password/reset", json={"token": token, "password": password})

    refused(reset("short"), 400, "request.invalid")
    refused(reset("ö" * 40), 400, "accounts.password_unfit")
    data_of(reset(FRESH))

    refused(client.get("/api/auth/profile", headers=customer.headers), 401, "accounts.bad_token")
    assert (_sign_in(client, customer.email, PASSWORD), _sign_in(client, customer.email, FRESH)) == (401, 200)
    assert _is_proven(app, customer.email)
    refused(reset("yet another"), 400, "accounts.bad_mailed_token")
    with app.app_context():
        kinds = session().scalars(
            select(Notification.kind).where(Notification.user_id == customer.id).order_by(Notification.id)
        )
        assert [each.value for each in kinds] == ["welcome", "reset_password", "password_changed"]
        acts = session().scalars(select(AuditEntry.action).where(AuditEntry.action.like("account.password%")))
        assert sorted(map(str, acts)) == ["account.password_changed", "account.password_reset_asked"]


def test_a_token_ends_with_time_with_a_new_address_and_with_the_account(
    app: Flask,
    client: FlaskClient,
    administrator: Person,
    customer: Person,
    clock: FrozenClock,
    newest_token: Callable[[Purpose], str],
) -> None:
    def is_dead() -> bool:
        token = newest_token(Purpose.RESET_PASSWORD)
        answer = client.post("/api/auth/password/reset", json={"token": token, "password": FRESH})
        return bool(answer.get_json().get("code") == "accounts.bad_mailed_token")

    address = f"/api/admin/users/{customer.id}"
    _forget(client, customer.email)
    clock.advance(hours=1)
    assert is_dead()

    _forget(client, customer.email)
    data_of(client.patch(f"{address}/status", headers=administrator.headers))
    assert is_dead()
    data_of(client.patch(f"{address}/status", headers=administrator.headers))

    clock.advance(hours=1, seconds=1)
    _forget(client, customer.email)
    data_of(client.put(address, json={"email": "new@example.com"}, headers=administrator.headers))
    assert is_dead()
    assert not _is_proven(app, "new@example.com")


def test_tokens_are_good_for_their_purpose_and_cannot_be_made_up(
    client: FlaskClient, customer: Person, newest_token: Callable[[Purpose], str]
) -> None:
    _forget(client, customer.email)
    token = newest_token(Purpose.RESET_PASSWORD)
    made_up = [
        token[:-1],
        token + "x",
        token[:32],
        token[32:],
        token[:32].upper() + token[32:],
        str(uuid.UUID(token[:32])) + token[32:],
        uuid.uuid4().hex + token[32:],
        "x",
        "é" * 50,
        "0" * 200,
    ]

    for each in made_up:
        body = {"token": each, "password": FRESH}
        refused(client.post("/api/auth/password/reset", json=body), 400, "accounts.bad_mailed_token")
    refused(client.post("/api/auth/email/verify", json={"token": token}), 400, "accounts.bad_mailed_token")
    for odd in (None, "", 7, "a\x00", "0" * 201):
        refused(client.post("/api/auth/email/verify", json={"token": odd}), 400, "request.invalid")
    data_of(client.post("/api/auth/password/reset", json={"token": token, "password": FRESH}))


def test_two_at_once_spend_a_token_once(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    newest_token: Callable[[Purpose], str],
    at_once: Callable[..., list[Any]],
) -> None:
    _forget(client, customer.email)
    token = newest_token(Purpose.RESET_PASSWORD)

    def reset(number: int) -> int:
        body = {"token": token, "password": f"password {number}"}
        return int(app.test_client().post("/api/auth/password/reset", json=body).status_code)

    assert sorted(at_once(4, reset)) == [200, 400, 400, 400]


def test_a_password_is_changed_by_who_knows_it(client: FlaskClient, customer: Person) -> None:
    def change(current: str, new: str) -> Any:
        body = {"currentPassword": current, "newPassword": new}
        return client.post("/api/auth/password/change", json=body, headers=customer.headers)

    refused(change("wrong one", FRESH), 400, "accounts.wrong_password")
    refused(change(PASSWORD, "short"), 400, "request.invalid")
    refused(change(PASSWORD, "ö" * 40), 400, "accounts.password_unfit")

    data = data_of(change(PASSWORD, FRESH))

    refused(client.get("/api/auth/profile", headers=customer.headers), 401, "accounts.bad_token")
    data_of(client.get("/api/auth/profile", headers={"Authorization": f"Bearer {data['accessToken']}"}))
    assert (_sign_in(client, customer.email, PASSWORD), _sign_in(client, customer.email, FRESH)) == (401, 200)


def test_without_a_password_there_is_none_to_change(
    app: Flask, client: FlaskClient, customer: Person
) -> None:
    with app.app_context():
        session().get_one(User, customer.id).password_hash = None
        session().commit()
    body = {"currentPassword": PASSWORD, "newPassword": FRESH}

    answer = client.post("/api/auth/password/change", json=body, headers=customer.headers)

    refused(answer, 400, "accounts.no_password")


def _link(mailbox: Simulator, kind: str) -> str:
    mails = requests.get(f"{mailbox['http']}/api/messages", timeout=5).json()["messages"]
    wanted = {"name": "X-MinisPod-Kind", "value": kind}
    mail = next(each for each in mails if wanted in each["headers"])
    return str(next(link for link in mail["links"] if "/account/" in link))


@pytest.mark.parametrize(("language", "done"), [("en", "confirmed"), ("id", "dikonfirmasi")])
def test_the_mail_leads_to_a_page_that_proves_the_address_with_its_button_only(
    app: Flask,
    client: FlaskClient,
    mailbox: Simulator,
    run_jobs: Callable[[], int],
    language: str,
    done: str,
) -> None:
    requests.delete(f"{mailbox['http']}/api/messages", timeout=5)
    _register(client)
    run_jobs()
    link = urlsplit(_link(mailbox, "verify_email"))
    assert f"{link.scheme}://{link.netloc}" == "http://localhost:5000"

    page = client.get(f"{link.path}?{link.query}", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not _is_proven(app, NEW["email"])
    token = parse_qs(link.query)["token"][0]
    assert f'value="{token}"' in page.text
    answer = client.post(link.path, data={"token": token}, headers={"Accept-Language": language})

    assert (answer.status_code, done in answer.text) == (200, True)
    assert _is_proven(app, NEW["email"])
    assert client.post(link.path, data={"token": token}).status_code == 400
    with app.app_context():
        row = session().scalars(select(Notification).where(Notification.kind == "verify_email")).one()
        assert token not in str(row.facts)


def test_the_mail_leads_to_a_page_where_a_password_is_chosen(
    client: FlaskClient, mailbox: Simulator, run_jobs: Callable[[], int], customer: Person
) -> None:
    requests.delete(f"{mailbox['http']}/api/messages", timeout=5)
    _forget(client, customer.email)
    run_jobs()
    link = urlsplit(_link(mailbox, "reset_password"))
    token = parse_qs(link.query)["token"][0]
    assert 'type="password"' in client.get(f"{link.path}?{link.query}").text

    again = client.post(link.path, data={"token": token, "password": "short"})
    assert (again.status_code, f'value="{token}"' in again.text) == (400, True)
    assert client.post(link.path, data={"token": token, "password": FRESH}).status_code == 200

    assert _sign_in(client, customer.email, FRESH) == 200
    over = client.post(link.path, data={"token": token, "password": FRESH})
    assert (over.status_code, "not valid any more" in over.text) == (400, True)


@pytest.mark.parametrize("path", ["/account/verify", "/account/password"])
@pytest.mark.parametrize("token", ["", "x", "\x00", "<script>", "é" * 3000])
def test_the_pages_bear_odd_visitors(client: FlaskClient, path: str, token: str) -> None:
    shown = client.get(path, query_string={"token": token})
    assert (shown.status_code, "<script>" in shown.text) == (200, False)
    assert client.post(path, data={"token": token, "password": FRESH}).status_code == 400
    assert client.post(path, json={"token": token}).status_code == 400


def test_ended_tokens_are_forgotten_in_time(
    app: Flask, client: FlaskClient, customer: Person, clock: FrozenClock, tick: Callable[[str], None]
) -> None:
    _forget(client, customer.email)
    clock.advance(days=32)

    tick("clean-up")

    with app.app_context():
        assert session().scalar(select(func.count()).select_from(MailedToken)) == 0
