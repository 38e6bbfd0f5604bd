"""Looking as a customer from the pages: what is shown, the way into the customer's own pages, and how it ends."""

import re
from collections.abc import Callable

import pytest
from flask import Flask, g, request, request_finished
from sqlalchemy import text

from minispod.accounts import stewardship, viewing
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.tickets import answer, open_ticket
from tests.plugins.app import Person, data_of

_WHY = "The customer says that an invoice is missing."


@pytest.fixture
def page(browser: Browser, shop: Shop) -> str:
    """The page of a viewing that was begun."""
    sent = browser.post(f"/admin/customers/{shop.customer.id}/view", reason=_WHY)
    assert sent.status_code == 303, sent.text
    found: str = sent.location
    return found


def _code(browser: Browser, page: str) -> str:
    shown = browser.post(f"{page}/code", page)
    found = re.search(r"<code>(view-[^<]+)</code>", shown.text)
    assert found is not None, shown.text
    return found[1]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("applications", "n8n-automation"),
        ("wallet", "Rp|creditBalance"),
        ("papers", "GET /billing/invoices"),
        ("tickets", "The customer asks"),
        ("account", "viewing"),
    ],
)
def test_it_shows_what_the_customers_api_answers(
    app: Flask, browser: Browser, shop: Shop, page: str, section: str, expected: str
) -> None:
    open_ticket(app.test_client(), shop.customer, "The customer asks")

    shown = browser.shown(f"{page}?section={section}")

    assert re.search(expected, shown)
    assert f'You look as <a href="{page}">Siti Rahma</a>' in shown
    assert _WHY in shown
    assert "<html" not in browser.fragment(f"{page}?section={section}").text


def test_what_the_customers_api_is_asked_leaves_nothing_behind_in_the_request_of_the_page(
    app: Flask, browser: Browser, shop: Shop, administrator: Person, page: str
) -> None:
    seen: list[tuple[str, object]] = []

    def note(sender: Flask, **_: object) -> None:
        seen.append((request.path, g.actor.user_id))

    with request_finished.connected_to(note, app):
        answer = browser.get(page, X_Request_ID="the-page-itself")

    assert answer.headers["X-Request-ID"] == "the-page-itself"
    assert seen[0] == ("/api/v1/subscriptions", shop.customer.id)
    assert seen[-1] == (page, administrator.id)


def test_every_page_says_so_until_it_is_over(browser: Browser, page: str, clock: FrozenClock) -> None:
    assert "You look as" in browser.shown("/admin/audit")

    clock.advance(seconds=viewing.LASTS.total_seconds() - 1)
    browser.get("/admin/", X_Refresh="auto")

    assert "You look as" in browser.shown("/admin/audit")
    clock.advance(seconds=1)
    assert "You look as" not in browser.shown("/admin/audit")
    assert browser.get(page).status_code == 404


def test_no_page_says_so_when_it_ended_by_another_act(
    app: Flask, browser: Browser, shop: Shop, page: str, administrator: Person, clock: FrozenClock
) -> None:
    assert "You look as" in browser.shown("/admin/audit")
    with app.app_context(), unit_of_work():
        stewardship.sign_out(shop.customer.id, actor=administrator.actor, at=clock.now())

    assert "You look as" not in browser.shown("/admin/audit")


def test_ending_it_ends_the_customers_pages_too(app: Flask, browser: Browser, shop: Shop, page: str) -> None:
    client = app.test_client()
    login = {"email": shop.customer.email, "password": _code(browser, page)}
    token = data_of(client.post("/api/auth/login", json=login))["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/wallet/info", headers=headers).status_code == 200

    ended = browser.post(f"{page}/end", page)

    assert (ended.status_code, ended.location) == (303, f"/admin/customers/{shop.customer.id}")
    assert client.get("/api/wallet/info", headers=headers).status_code == 401
    assert "You look as" not in browser.shown("/admin/audit")


def test_signing_out_of_the_administration_ends_it(
    app: Flask, browser: Browser, shop: Shop, page: str
) -> None:
    client = app.test_client()
    login = {"email": shop.customer.email, "password": _code(browser, page)}
    token = data_of(client.post("/api/auth/login", json=login))["accessToken"]

    browser.post("/admin/logout")

    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/wallet/info", headers=headers).status_code == 401


def test_the_password_is_shown_once_and_a_newer_one_replaces_it(
    app: Flask, browser: Browser, shop: Shop, page: str
) -> None:
    older, newer = _code(browser, page), _code(browser, page)
    client = app.test_client()

    statuses = [
        client.post("/api/auth/login", json={"email": shop.customer.email, "password": code}).status_code
        for code in (older, newer, newer)
    ]

    assert statuses == [401, 200, 401]
    assert newer not in browser.shown(page)


def test_another_administrator_cannot_use_it(
    stranger: Callable[[], Browser], person: Callable[..., Person], page: str
) -> None:
    other = stranger()
    other.sign_in(person(role=Role.ADMINISTRATOR).email)
    other.get("/admin/")

    assert other.get(page).status_code == 404
    for act in ("code", "end"):
        assert other.post(f"{page}/{act}", page).status_code == 404


def test_a_reason_is_needed_and_written_down(app: Flask, browser: Browser, shop: Shop) -> None:
    about = f"/admin/customers/{shop.customer.id}"
    for reason in ("", "too short", "x" * 501):
        browser.post(f"{about}/view", about, reason=reason)
        assert "Say in at least ten characters why." in browser.shown(about)

    page = browser.post(f"{about}/view", about, reason=_WHY).location
    _code(browser, page)
    browser.post(f"{page}/end", page)

    with app.app_context():
        book = session().execute(
            text(
                "SELECT action, actor_name, subject_id FROM audit_entries WHERE action LIKE 'account.viewing%' "
                "ORDER BY at, id"
            )
        )
        assert [tuple(row) for row in book] == [
            ("account.viewing_begun", "Ayu Admin", str(shop.customer.id)),
            ("account.viewing_code_made", "Ayu Admin", str(shop.customer.id)),
            ("account.viewing_ended", "Ayu Admin", str(shop.customer.id)),
        ]
    assert "Account: viewing begun" in browser.shown(f"{about}/history")


def test_staff_and_the_blocked_cannot_be_looked_at(
    browser: Browser, shop: Shop, administrator: Person
) -> None:
    browser.post(f"/admin/customers/{shop.customer.id}/block")
    for who in (shop.customer, administrator):
        about = f"/admin/customers/{who.id}"
        browser.post(f"{about}/view", about, reason=_WHY)
        shown = browser.shown(about)
        assert "Only active customers can be looked at." in shown
        assert "See as customer" not in shown


def test_reading_a_ticket_so_leaves_it_unread(
    app: Flask, browser: Browser, shop: Shop, administrator: Person, page: str
) -> None:
    client = app.test_client()
    ticket = open_ticket(client, shop.customer)
    answer(client, administrator, ticket)
    login = {"email": shop.customer.email, "password": _code(browser, page)}
    token = data_of(client.post("/api/auth/login", json=login))["accessToken"]

    read = client.get(f"/api/tickets/{ticket['id']}", headers={"Authorization": f"Bearer {token}"})
    (listed,) = data_of(client.get("/api/tickets", headers=shop.customer.headers))["tickets"]

    assert read.status_code == 200
    assert listed["unreadCount"] == 1
