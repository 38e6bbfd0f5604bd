"""Who gets in, who does not, and when a session ends."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from redis import Redis

from minispod.accounts import sessions, stewardship
from minispod.accounts.directory import get_user
from minispod.audit import trail
from minispod.integrations.redis_sessions import RedisSessions
from minispod.kernel.actor import Role, system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from tests.admin.conftest import Browser
from tests.plugins.app import Person, PortsNow


def test_an_administrator_gets_in_and_lands_where_they_wanted(
    stranger: Callable[[], Browser], administrator: Person
) -> None:
    browser = stranger()
    sent_away = browser.get("/admin/customers?q=siti")

    answer = browser.sign_in(administrator.email, next="/admin/customers?q=siti")

    assert sent_away.status_code == 303
    assert sent_away.location == "/admin/login?next=/admin/customers?q%3Dsiti"
    assert (answer.status_code, answer.location) == (303, "/admin/customers?q=siti")
    assert "Ayu Admin" in browser.shown("/admin/")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example",
        "/api/v1/users",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_another_site_after_signing_in(
    stranger: Callable[[], Browser], administrator: Person, target: str
) -> None:
    assert stranger().sign_in(administrator.email, next=target).location == "/admin/"


def test_every_failure_gets_the_same_sentence(
    stranger: Callable[[], Browser],
    person: Callable[..., Person],
    administrator: Person,
    app: Flask,
    clock: FrozenClock,
) -> None:
    blocked = person(role=Role.ADMINISTRATOR)
    customer = person()
    with app.app_context(), unit_of_work():
        stewardship.block(blocked.id, actor=administrator.actor, at=clock.now())

    tries = [
        (administrator.email, "wrong"),
        ("nobody@example.com", "x"),
        (blocked.email, None),
        (customer.email, None),
    ]
    answers = [
        stranger().sign_in(email, password) if password else stranger().sign_in(email)
        for email, password in tries
    ]

    sentences = {answer.text.split('id="problem">')[1].split("</p>")[0] for answer in answers}
    assert {answer.status_code for answer in answers} == {401}
    assert len(sentences) == 1


def test_signing_in_and_failing_to_are_in_the_audit_book(
    stranger: Callable[[], Browser], administrator: Person, app: Flask
) -> None:
    stranger().sign_in(administrator.email, "wrong")
    stranger().sign_in("a-password-typed-into-the-wrong-field@example.com", "x")
    stranger().sign_in(administrator.email)

    with app.app_context():
        lines = trail.search(PageRequest(1, 3)).items
        entered, unknown, failed = [(line.action, line.subject_id, line.actor_kind) for line in lines]
    assert entered == ("account.signed_in", str(administrator.id), "staff")
    assert unknown == ("account.sign_in_failed", "unknown", "anonymous")
    assert failed == ("account.sign_in_failed", str(administrator.id), "anonymous")


def test_the_cookie_holds_a_key_and_the_key_changes_when_signing_in(
    stranger: Callable[[], Browser], administrator: Person
) -> None:
    browser = stranger()
    browser.get("/admin/login")
    before = browser.client.get_cookie("minispod_admin", path="/admin")

    answer = browser.sign_in(administrator.email)

    after = browser.client.get_cookie("minispod_admin", path="/admin")
    assert before is not None
    assert after is not None
    assert before.value != after.value
    assert str(administrator.id) not in after.value
    flags = answer.headers["Set-Cookie"]
    assert all(flag in flags for flag in ("HttpOnly", "SameSite=Lax", "Path=/admin"))


def test_a_key_noted_before_signing_in_opens_nothing(
    stranger: Callable[[], Browser], administrator: Person
) -> None:
    victim, thief = stranger(), stranger()
    victim.get("/admin/login")
    noted = victim.client.get_cookie("minispod_admin", path="/admin")
    assert noted is not None

    victim.sign_in(administrator.email)

    thief.client.set_cookie("minispod_admin", noted.value, path="/admin", domain="localhost")
    assert thief.get("/admin/").status_code == 303


def test_a_forged_cookie_is_no_session(stranger: Callable[[], Browser]) -> None:
    browser = stranger()
    browser.client.set_cookie("minispod_admin", "forged.signature", path="/admin", domain="localhost")

    assert browser.get("/admin/").status_code == 303


def test_a_session_ends_when_it_is_not_used(browser: Browser, clock: FrozenClock, settings: Settings) -> None:
    minutes = settings.web.admin_idle_minutes
    clock.advance(minutes=minutes - 1)
    assert browser.get("/admin/customers").status_code == 200

    clock.advance(minutes=minutes)

    assert browser.get("/admin/customers").status_code == 303


def test_a_forgotten_tab_does_not_keep_a_session_alive(
    browser: Browser, clock: FrozenClock, settings: Settings
) -> None:
    half = settings.web.admin_idle_minutes / 2
    clock.advance(minutes=half)
    assert browser.fragment("/admin/", X_Refresh="auto").status_code == 200

    clock.advance(minutes=half)

    answer = browser.fragment("/admin/", X_Refresh="auto")
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/admin/login"


def test_a_session_ends_at_the_latest_after_its_whole_life(
    browser: Browser, clock: FrozenClock, settings: Settings
) -> None:
    step = settings.web.admin_idle_minutes / 2
    for _ in range(int(settings.web.admin_absolute_hours * 60 / step) - 1):
        clock.advance(minutes=step)
        assert browser.get("/admin/work").status_code == 200

    clock.advance(minutes=step)

    assert browser.get("/admin/work").status_code == 303


@pytest.mark.parametrize("what", ["blocked", "signed out everywhere", "demoted"])
def test_a_session_ends_at_once_when_its_holder_may_not_any_more(
    browser: Browser,
    person: Callable[..., Person],
    administrator: Person,
    app: Flask,
    clock: FrozenClock,
    what: str,
) -> None:
    person(role=Role.ADMINISTRATOR)
    assert browser.get("/admin/").status_code == 200

    with app.app_context(), unit_of_work():
        user = get_user(administrator.id)
        if what == "blocked":
            stewardship.block(user.id, actor=system("tests"), at=clock.now())
        elif what == "demoted":
            user.role = Role.USER
        else:
            sessions.sign_out_everywhere(user.id, actor=system("tests"), at=clock.now())

    assert browser.get("/admin/").status_code == 303


def test_signing_out_ends_the_session_and_its_key(browser: Browser, stranger: Callable[[], Browser]) -> None:
    key = browser.client.get_cookie("minispod_admin", path="/admin")
    assert key is not None

    answer = browser.post("/admin/logout")

    other = stranger()
    other.client.set_cookie("minispod_admin", key.value, path="/admin", domain="localhost")
    assert (answer.status_code, answer.location) == (303, "/admin/login")
    assert other.get("/admin/").status_code == 303
    assert browser.get("/admin/").status_code == 303


def test_while_redis_is_silent_the_page_says_so_and_lets_nobody_in(browser: Browser, ports: PortsNow) -> None:
    ports.change(admin_sessions=RedisSessions("redis://127.0.0.1:1/0"))

    answers = [browser.get("/admin/"), browser.get("/admin/login"), browser.post("/admin/logout")]

    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert "Nothing is lost" in answers[0].text


def test_a_lost_session_means_signing_in_again(
    browser: Browser, settings: Settings, administrator: Person
) -> None:
    with Redis.from_url(settings.redis.redis_url) as redis:
        redis.flushdb()

    assert browser.get("/admin/").status_code == 303
    assert browser.sign_in(administrator.email).status_code == 303
    assert browser.get("/admin/").status_code == 200


@pytest.fixture
def limits_on(app: Flask, settings: Settings) -> Iterator[None]:
    """The same application with its rate limits, which other tests would run into."""
    app.extensions["minispod.settings"] = Settings(
        minispod_env="test",
        database_url=settings.database.database_url,
        redis_url=settings.redis.redis_url,
        bcrypt_rounds=4,
        rate_limits_enabled=True,
    )
    yield
    app.extensions["minispod.settings"] = settings
    with Redis.from_url(settings.redis.redis_url) as redis:
        redis.flushdb()


def test_after_too_many_tries_even_the_right_password_has_to_wait(
    stranger: Callable[[], Browser], administrator: Person, limits_on: None
) -> None:
    for _ in range(8):
        assert stranger().sign_in(administrator.email, "wrong").status_code == 401
    browser = stranger()

    refused = browser.sign_in(administrator.email)

    assert (refused.status_code, refused.location) == (303, "/admin/login")
    assert "Too many attempts" in browser.shown("/admin/login")
    assert browser.get("/admin/").status_code == 303
