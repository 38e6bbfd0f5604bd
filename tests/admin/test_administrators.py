"""Administrators: who they are, how one comes and goes, and that there is always one."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.accounts.models import User
from minispod.accounts.staff_sessions import KEYS
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.settings import Settings
from tests.admin.conftest import Browser
from tests.factories.statements import asked
from tests.plugins.app import Person, PortsNow

PAGE = "/admin/administrators"


@pytest.fixture
def colleague(person: Callable[..., Person]) -> Person:
    """Another administrator."""
    return person(role=Role.ADMINISTRATOR, name="Budi Admin")


def _role(app: Flask, who: Person) -> Role:
    with app.app_context():
        return session().get_one(User, who.id).role


def test_each_is_shown_with_what_they_are_signed_in_with(
    browser: Browser, stranger: Callable[[], Browser], colleague: Person, clock: FrozenClock
) -> None:
    stranger().sign_in(colleague.email)
    clock.advance(minutes=5)

    shown = browser.shown(PAGE)

    assert "Ayu Admin" in shown
    assert "Budi Admin" in shown
    assert shown.count("last used") == 2
    assert "from <" not in shown
    assert "127.0.0.1" in shown


def test_nobody_can_hide_a_session_behind_many_that_nobody_signed_in_with(
    browser: Browser, stranger: Callable[[], Browser], colleague: Person, ports: PortsNow
) -> None:
    stranger().sign_in(colleague.email)
    for number in range(3000):
        ports.admin_sessions.save(f"{KEYS}{number}", {"csrf_token": "a"}, timedelta(minutes=30))

    assert browser.shown(PAGE).count("last used") == 2


def test_one_who_is_invited_gets_a_letter_and_no_password(
    app: Flask, browser: Browser, run_jobs: Callable[[], int]
) -> None:
    sent = browser.post(PAGE, PAGE, name="Citra Baru", email="citra@example.com")

    assert sent.status_code == 303
    assert "A letter to citra@example.com leads to choosing a password." in browser.shown(PAGE)
    with app.app_context():
        letters = set(
            session().scalars(text("SELECT kind FROM notifications WHERE to_address = 'citra@example.com'"))
        )
        role = session().scalar(text("SELECT role FROM users WHERE email = 'citra@example.com'"))
    assert letters == {"welcome", "reset_password"}
    assert role == "ADMINISTRATOR"


@pytest.mark.parametrize(
    ("name", "email"),
    [("", "a@example.com"), ("X", "a@example.com"), ("Citra Baru", "no address"), ("A\nB", "a@b.co")],
)
def test_an_invitation_needs_name_and_address(app: Flask, browser: Browser, name: str, email: str) -> None:
    browser.post(PAGE, PAGE, name=name, email=email)

    assert "Write a name of 2 to 50 characters and an e-mail address." in browser.shown(PAGE)
    with app.app_context():
        assert session().scalar(text("SELECT count(*) FROM users")) == 1


def test_an_address_that_is_taken_is_told(browser: Browser, customer: Person) -> None:
    browser.post(PAGE, PAGE, name="Citra Baru", email=customer.email)

    assert "This email is already registered" in browser.shown(PAGE)


def test_the_role_is_given_to_an_account_and_taken_away(
    app: Flask, browser: Browser, stranger: Callable[[], Browser], customer: Person
) -> None:
    theirs = stranger()
    assert theirs.sign_in(customer.email).status_code == 401

    browser.post(f"{PAGE}/give", PAGE, email=customer.email.upper())
    assert _role(app, customer) is Role.ADMINISTRATOR
    assert theirs.sign_in(customer.email).status_code == 303
    assert theirs.get("/admin/").status_code == 200
    browser.post(f"{PAGE}/{customer.id}/take", PAGE)

    assert _role(app, customer) is Role.USER
    assert theirs.get("/admin/").status_code == 303
    assert "Account: role changed" in browser.shown("/admin/audit")


def test_the_last_one_stays_and_nobody_takes_their_own(
    app: Flask, browser: Browser, administrator: Person, person: Callable[..., Person]
) -> None:
    browser.post(f"{PAGE}/{administrator.id}/take", PAGE)
    assert "The last active administrator must stay." in browser.shown(PAGE)

    person(role=Role.ADMINISTRATOR)
    browser.post(f"{PAGE}/{administrator.id}/take", PAGE)

    assert "Another administrator has to do this to your own account." in browser.shown(PAGE)
    assert _role(app, administrator) is Role.ADMINISTRATOR
    assert "Take the role from Ayu Admin?" not in browser.shown(PAGE)


def test_ended_sessions_are_over_at_once_everywhere(
    app: Flask, browser: Browser, stranger: Callable[[], Browser], colleague: Person
) -> None:
    theirs = stranger()
    theirs.sign_in(colleague.email)
    assert theirs.get("/admin/").status_code == 200

    browser.post(f"{PAGE}/{colleague.id}/sign-out", PAGE)

    assert theirs.get("/admin/").status_code == 303
    assert app.test_client().get("/api/auth/profile", headers=colleague.headers).status_code == 401
    assert "Budi Admin is signed out everywhere." in browser.shown(PAGE)
    assert browser.shown(PAGE).count("last used") == 1


def test_ones_own_sessions_end_too(browser: Browser, administrator: Person) -> None:
    answer = browser.post(f"{PAGE}/{administrator.id}/sign-out", PAGE)

    assert (answer.status_code, answer.location) == (303, "/admin/login")
    assert browser.get(PAGE).status_code == 303


@pytest.mark.parametrize("act", ["take", "sign-out"])
def test_only_administrators_are_meant(app: Flask, browser: Browser, customer: Person, act: str) -> None:
    assert browser.post(f"{PAGE}/{customer.id}/{act}", PAGE).status_code == 404
    assert app.test_client().get("/api/auth/profile", headers=customer.headers).status_code == 200


def test_there_are_as_many_statements_for_many(browser: Browser, person: Callable[..., Person]) -> None:
    counts = []
    for _ in range(2):
        with asked() as statements:
            browser.shown(PAGE)
        counts.append(len(statements))
        for _ in range(8):
            person(role=Role.ADMINISTRATOR)

    assert counts[0] == counts[1] <= 6


def test_settings_are_shown_without_secrets(app: Flask, browser: Browser, settings: Settings) -> None:
    shown = browser.shown("/admin/settings")

    for expected in (
        "PROVISION_ATTEMPTS",
        "FRONTEND_URL",
        "secret, set",
        "JWT_SECRET",
        "http://localhost:3100",
    ):
        assert expected in shown
    secrets = ("a secret of the tests", "SB-Mid-server", "AGE-SECRET-KEY-1", settings.database.database_url)
    for secret in (*secrets, settings.redis.redis_url):
        assert secret not in shown
    assert re.search(r"PROVISION_ATTEMPTS</code></td>\s*<td[^>]*>2 <span class=\"badge warn\">changed", shown)


def test_settings_are_searched_by_name_and_meaning(browser: Browser) -> None:
    found = browser.fragment("/admin/settings?q=midtrans").text

    assert "MIDTRANS_SERVER_KEY" in found
    assert "SMTP_HOST" not in found
    assert "<html" not in found
    assert "No setting matches." in browser.shown("/admin/settings?q=nothing-like-this")
