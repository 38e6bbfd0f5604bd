"""Mails on the pages: every kind to look at, one that was sent, and one that is sent again."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications import post
from minispod.notifications.messages import MADE_WHEN_IT_LEAVES, MessageKind
from minispod.notifications.models import DeliveryState, Notification
from minispod.notifications.post import Recipient
from minispod.notifications.samples import SAMPLES
from tests.admin.conftest import Browser
from tests.factories.statements import asked
from tests.plugins.app import Person

MESSAGES = "/admin/messages"
Put = Callable[..., str]


@pytest.fixture
def put(app: Flask, clock: FrozenClock, customer: Person) -> Put:
    """Queue a mail of a kind to the customer, and say that it was sent; returns its page."""

    def queue(
        kind: MessageKind,
        state: DeliveryState = DeliveryState.SENT,
        *,
        facts: dict[str, Any] | None = None,
        key: str = "one",
    ) -> str:
        known = dict(SAMPLES)[kind] if facts is None else facts
        facts = {
            name: value for name, value in known.items() if name not in MADE_WHEN_IT_LEAVES.get(kind, ())
        }
        with app.app_context():
            with unit_of_work():
                post.queue(
                    kind,
                    Recipient("Siti", "siti-old@example.com", customer.id),
                    dedupe_key=key,
                    at=clock.now(),
                    facts=facts,
                )
            row = session().scalars(select(Notification).where(Notification.dedupe_key == key)).one()
            with unit_of_work():
                if state is DeliveryState.SENT:
                    post.settle_sent(row.id, at=clock.now())
                if state is DeliveryState.FAILED:
                    post.settle_failed(row.id, "No such mailbox", final=True)
            return f"{MESSAGES}/{row.id}"

    return queue


def messages(app: Flask, kind: MessageKind) -> list[Notification]:
    with app.app_context():
        found = list(
            session().scalars(select(Notification).where(Notification.kind == kind).order_by(Notification.id))
        )
        session().expunge_all()
        return found


@pytest.mark.parametrize("kind", list(MessageKind), ids=str)
def test_every_kind_is_shown_in_both_languages(browser: Browser, kind: MessageKind) -> None:
    page = f"{MESSAGES}/kinds/{kind.value}"

    text = browser.shown(page)

    assert "Hello Siti" in text
    assert "Halo Siti" in text
    for language in ("en", "id"):
        framed = browser.get(f"{page}/html?language={language}")
        assert f'<html lang="{language}">' in framed.text
        assert framed.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'; sandbox")
        assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_the_list_of_kinds(browser: Browser) -> None:
    text = browser.shown(f"{MESSAGES}/kinds")

    assert all(f"/admin/messages/kinds/{kind.value}" in text for kind in MessageKind)
    assert browser.get(f"{MESSAGES}/kinds/nonsense").status_code == 404
    assert browser.get(f"{MESSAGES}/kinds/nonsense/html").status_code == 404
    assert browser.get(f"{MESSAGES}/kinds/renewed?shape=99").status_code == 200


def test_one_mail_says_what_became_of_it(browser: Browser, put: Put) -> None:
    page = put(MessageKind.CANCELLED, DeliveryState.FAILED)

    text = browser.shown(page)

    assert "No such mailbox" in text
    assert "siti-old@example.com" in text
    assert f'sandbox src="{page}/html"' in text
    assert "Hello Siti" in browser.shown(f"{page}/html")
    assert "frame-src 'self'" in browser.get(page).headers["Content-Security-Policy"]


def test_lists_are_filtered_and_sorted(
    browser: Browser, put: Put, clock: FrozenClock, customer: Person
) -> None:
    first = put(MessageKind.CANCELLED, key="first")
    clock.advance(minutes=1)
    second = put(MessageKind.RENEWED, DeliveryState.FAILED, key="second")

    def pages(query: str) -> list[str]:
        text = browser.shown(f"{MESSAGES}?{query}")
        return sorted((each for each in (first, second) if each in text), key=text.index)

    assert pages("") == [second, first]
    assert pages("sort=queued") == [first, second]
    assert pages("kind=renewed") == [second]
    assert pages("state=SENT&q=siti-old") == [first]
    assert pages(f"customer={customer.id}") == [second, first]
    assert pages(f"customer={uuid.uuid4()}") == []


def test_a_mail_is_sent_again_once_to_the_present_address(
    browser: Browser, app: Flask, put: Put, customer: Person
) -> None:
    page = put(MessageKind.CANCELLED)
    browser.shown(page)

    answer = browser.post(f"{page}/resend", page)
    browser.post(f"{page}/resend", page)

    first, again = messages(app, MessageKind.CANCELLED)
    assert answer.location == f"{MESSAGES}/{again.id}"
    assert (again.facts, again.state) == (first.facts, DeliveryState.QUEUED)
    assert (again.to_address, again.dedupe_key) == (customer.email, f"again:{first.id}")
    assert "It was sent again already." in browser.shown(page)
    assert f'href="{MESSAGES}/{again.id}">Open that one' in browser.shown(page)
    with app.app_context():
        lines = session().scalars(select(AuditEntry).where(AuditEntry.action == "message.resent")).all()
        assert [(line.subject_id, line.details["to_new_address"]) for line in lines] == [
            (str(first.id), True)
        ]


@pytest.mark.parametrize(
    ("kind", "state", "why"),
    [
        (MessageKind.RESET_PASSWORD, DeliveryState.SENT, "asks for a new link"),
        (MessageKind.VERIFY_EMAIL, DeliveryState.FAILED, "asks for a new link"),
        (MessageKind.INSTANCE_READY, DeliveryState.SENT, "asks for a new link"),
        (MessageKind.STAFF_ALERT, DeliveryState.SENT, "the pages say how they stand now"),
        (MessageKind.CANCELLED, DeliveryState.QUEUED, "still on its way"),
    ],
)
def test_what_must_not_be_sent_again(
    browser: Browser, app: Flask, put: Put, kind: MessageKind, state: DeliveryState, why: str
) -> None:
    facts = (
        {"token_id": str(uuid.uuid4())}
        if kind in (MessageKind.RESET_PASSWORD, MessageKind.VERIFY_EMAIL)
        else None
    )
    page = put(kind, state, facts=facts)
    assert why in browser.shown(page)

    browser.post(f"{page}/resend", page)

    assert len(messages(app, kind)) == 1
    assert why in browser.shown(page)


def test_what_is_out_of_date_is_not_sent_again(
    browser: Browser, app: Flask, put: Put, clock: FrozenClock, administrator: Person
) -> None:
    page = put(MessageKind.LOW_CREDIT)
    clock.advance(hours=25)
    browser.sign_in(administrator.email)

    assert "out of date" in browser.shown(page)
    browser.post(f"{page}/resend", page)

    assert len(messages(app, MessageKind.LOW_CREDIT)) == 1


def test_nothing_is_sent_to_an_account_that_is_gone(
    browser: Browser, app: Flask, put: Put, clock: FrozenClock, customer: Person
) -> None:
    page = put(MessageKind.CANCELLED)
    browser.shown(page)
    with app.app_context(), unit_of_work():
        session().get_one(User, customer.id).deleted_at = clock.now()
        session().get_one(User, customer.id).is_active = False

    browser.post(f"{page}/resend", page)

    assert len(messages(app, MessageKind.CANCELLED)) == 1
    with app.app_context(), unit_of_work():
        post.forget(customer.id)
    assert "The words went with the account." in browser.shown(page)
    assert browser.get(f"{page}/html").status_code == 404


def test_what_opens_something_is_not_shown(browser: Browser, put: Put) -> None:
    page = put(MessageKind.RESET_PASSWORD, facts={"token_id": str(uuid.uuid4())})

    text = browser.shown(page) + browser.shown(f"{page}/html")

    assert "shown to its reader only" in text
    assert "?token=" not in text


def test_a_long_list_asks_no_more_than_a_short_one(browser: Browser, put: Put) -> None:
    put(MessageKind.CANCELLED)
    browser.shown(MESSAGES)
    with asked() as few:
        browser.shown(MESSAGES)
    for number in range(30):
        put(MessageKind.CANCELLED, key=f"more-{number}")

    with asked() as many:
        browser.shown(MESSAGES)

    assert len(many) == len(few)
