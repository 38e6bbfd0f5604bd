"""The page of alerts: the list with its filters, one alert with its history, and what can be done there."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.alerts import book
from minispod.alerts.book import Manners
from minispod.alerts.judging import Finding, Verdict
from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.factories.statements import asked

MANNERS = Manners(timedelta(hours=1), None)
INSTANCE = "01a1f922-b4b6-77d2-9267-754f21fb013a"
NODE = Finding(Rule.NODE_DOWN, "node", "worker-1", "worker-1", {"since": "2026-01-01T00:00:00+00:00"})
FULL = Finding(Rule.VOLUME_FULL, "instance", INSTANCE, "blog-<script>", {"percent": 93, "of_mb": 1024})
STUCK = Finding(Rule.MAIL_STUCK, "mail", "outgoing", "outgoing mail", {"total": 3})
Put = Callable[..., list[Alert]]


@pytest.fixture
def put(app: Flask, clock: FrozenClock) -> Put:
    """Let the book be exactly these; returns the open ones."""

    def go(*findings: Finding) -> list[Alert]:
        with app.app_context(), unit_of_work():
            verdict = Verdict(findings, frozenset(Rule))
            book.settle(book.begin(), verdict, manners=MANNERS, at=clock.now())
        with app.app_context():
            wanted = select(Alert).where(Alert.resolved_at.is_(None)).order_by(Alert.rule)
            return list(session().scalars(wanted))

    return go


def test_an_empty_book_says_so(browser: Browser) -> None:
    assert "No alert matches" in browser.shown("/admin/alerts")


def test_each_alert_is_listed_with_its_next_step_and_counted_on_every_page(
    browser: Browser, put: Put
) -> None:
    put(NODE, FULL, STUCK)

    text = browser.shown("/admin/alerts")

    assert "Node worker-1 does not answer" in text
    assert "The volume of blog-&lt;script&gt; is nearly full" in text
    assert 'href="/admin/nodes/worker-1"' in text
    assert f'href="/admin/instances/{INSTANCE}/usage"' in text
    assert text.index("worker-1") < text.index("blog-"), "the worst first"
    assert '<span class="count">3<' in browser.shown("/admin/customers")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("severity=CRITICAL", ["worker-1"]),
        ("severity=WARNING", ["blog-", "outgoing mail"]),
        ("rule=volume_full", ["blog-"]),
        ("q=BLOG", ["blog-"]),
        (f"q={INSTANCE[:8]}", ["blog-"]),
        ("q=%25", []),
        ("state=RESOLVED", []),
        ("state=OPEN", ["worker-1", "blog-", "outgoing mail"]),
        ("state=NONSENSE&severity=x&rule=y&page=z", ["worker-1", "blog-", "outgoing mail"]),
    ],
)
def test_the_list_is_filtered(browser: Browser, put: Put, query: str, shown: list[str]) -> None:
    put(NODE, FULL, STUCK)

    table = browser.fragment(f"/admin/alerts?{query}").text

    assert "<html" not in table
    links = re.findall(r'href="/admin/alerts/[0-9a-f-]{36}"', table)
    assert len(links) == len(shown)
    assert [each for each in ("worker-1", "blog-", "Mail cannot be sent") if each in table] == [
        "Mail cannot be sent" if each == "outgoing mail" else each for each in shown
    ]


def test_acknowledged_from_the_list_as_a_fragment_and_without_a_script(browser: Browser, put: Put) -> None:
    first, second = put(NODE, FULL)
    browser.get("/admin/alerts")

    answer = browser.client.post(
        f"/admin/alerts/{first.id}/acknowledge",
        data={"csrf_token": browser.token},
        headers={"HX-Request": "true", "Referer": "http://localhost/admin/alerts"},
    )
    assert (answer.status_code, answer.location) == (303, "/admin/alerts")
    fragment = browser.fragment(answer.location).text
    assert "<html" not in fragment
    assert "Acknowledged" in fragment
    assert "by Ayu Admin" in fragment

    browser.post(f"/admin/alerts/{second.id}/acknowledge", f"/admin/alerts/{second.id}", note="I look")

    page = browser.shown(f"/admin/alerts/{second.id}")
    assert "I look" in page
    assert "Alert: acknowledged" in page
    assert '<span class="count">' not in browser.shown("/admin/customers")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"for": "1h"}, "silent until"),
        ({"for": "8h"}, "silent until"),
        ({"for": "1d"}, "silent until"),
        ({"until": "2000-01-01"}, "Silence must end in the future"),
        ({"until": "9999-12-31"}, "Silence must end in the future"),
        ({"until": "nonsense"}, "Silence must end in the future"),
        ({}, "Silence must end in the future"),
    ],
    ids=str,
)
def test_silence_ends_when_it_was_asked_to(
    browser: Browser, put: Put, fields: dict[str, str], said: str
) -> None:
    [row] = put(FULL)
    path = f"/admin/alerts/{row.id}"
    browser.get(path)

    browser.post(f"{path}/silence", path, **fields)

    assert said in browser.shown(path)


def test_silence_until_a_day_ends_with_that_day_in_the_shops_zone(
    browser: Browser, put: Put, clock: FrozenClock, app: Flask
) -> None:
    [row] = put(FULL)
    day = (clock.now() + timedelta(days=3)).date()
    browser.get("/admin/alerts")

    browser.post(f"/admin/alerts/{row.id}/silence", "/admin/alerts", until=day.isoformat())

    with app.app_context():
        until = session().get_one(Alert, row.id).silenced_until
    assert until is not None
    assert until.isoformat() == f"{day.isoformat()}T16:59:59+00:00"
    told = f"until {day:%d %b %Y}, 23:59"
    assert told in browser.shown(f"/admin/alerts/{row.id}"), "the book tells times as people read them"


def test_resolved_by_hand_and_what_came_before(browser: Browser, put: Put, clock: FrozenClock) -> None:
    [first] = put(FULL)
    browser.get("/admin/alerts")
    browser.post(f"/admin/alerts/{first.id}/resolve", "/admin/alerts", note="a larger plan")
    clock.advance(minutes=20)
    [second] = put(FULL)

    assert "by Ayu Admin" in browser.shown("/admin/alerts?state=RESOLVED")
    assert "a larger plan" in browser.shown(f"/admin/alerts/{first.id}")
    page = browser.shown(f"/admin/alerts/{second.id}")
    assert "The same before" in page
    assert f"/admin/alerts/{first.id}" in page


def test_what_is_over_refuses_to_be_taken_up_in_a_sentence(browser: Browser, put: Put) -> None:
    [row] = put(FULL)
    put()
    browser.get("/admin/alerts")

    browser.post(f"/admin/alerts/{row.id}/acknowledge", "/admin/alerts")

    assert "This alert is over already" in browser.shown("/admin/alerts")


@pytest.mark.parametrize("act", ["acknowledge", "resolve", "silence"])
def test_what_is_not_there_is_not_found(browser: Browser, act: str) -> None:
    browser.get("/admin/alerts")

    answer = browser.post(f"/admin/alerts/{uuid.uuid4()}/{act}", "/admin/alerts", **{"for": "1h"})

    assert answer.status_code == 404
    assert browser.get(f"/admin/alerts/{uuid.uuid4()}").status_code == 404


def test_today_shows_what_it_does_not_show_otherwise_with_its_next_step(browser: Browser, put: Put) -> None:
    put(NODE, FULL)

    text = browser.shown("/admin/")

    assert "1 alert calls" in text
    assert "See its use" in text
    assert "Node worker-1 does not answer" not in text, (
        "nodes have a part of their own, from the last reading"
    )
    [row] = re.findall(r"/admin/alerts/([0-9a-f-]{36})/acknowledge", text)
    assert browser.post(f"/admin/alerts/{row}/acknowledge").location == "/admin/"
    assert "alert calls" not in browser.shown("/admin/")


def test_the_list_asks_few_questions_however_long_it_is(app: Flask, browser: Browser, put: Put) -> None:
    def ask() -> int:
        with asked() as sent:
            browser.shown("/admin/alerts")
        return len(sent)

    put(NODE)
    few = ask()
    put(
        *(
            Finding(Rule.VOLUME_FULL, "instance", str(uuid.UUID(int=n)), f"blog-{n}", {"percent": 91})
            for n in range(60)
        )
    )

    assert ask() == few
    assert "26–50 of 60" in browser.shown("/admin/alerts?page=2")
