"""Nothing under /admin answers to strangers or customers, and nothing changes without its token."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rq_dashboard
from flask import Flask
from werkzeug.routing import Rule

from minispod.admin.jobs_board import CHANGES
from tests.admin.conftest import Browser
from tests.plugins.app import Person

_OPEN = {"panel.sign_in", "panel.enter"}
SOME_ID = "01a1f922-b4b6-77d2-9267-754f21fb013a"


def rules_of(app: Flask, method: str) -> Iterator[tuple[Rule, str]]:
    """Every route under /admin that takes the method, with an address that matches it."""
    values = {
        "act": "stop",
        "part": "tickets",
        "filename": "x.css",
        "path": "x",
        "instance_number": "0",
        "number": "1",
        "per_page": "8",
        "page": "1",
    }
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if (
            rule.rule.startswith("/admin")
            and method in (rule.methods or set())
            and rule.endpoint not in _OPEN
        ):
            given = {name: values.get(name, SOME_ID) for name in rule.arguments}
            if "instance_number" in given:
                given["instance_number"] = 0  # type: ignore[assignment]
            yield rule, adapter.build(rule.endpoint, given, method=method, append_unknown=False)


def test_every_page_sends_a_stranger_to_the_sign_in(app: Flask, stranger: Callable[[], Browser]) -> None:
    browser = stranger()

    answers = {path: browser.get(path) for _, path in rules_of(app, "GET")}

    assert len(answers) > 30
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 303} == {}
    assert all(answer.location.startswith("/admin/login") for answer in answers.values())


def test_an_unknown_page_tells_a_stranger_nothing(stranger: Callable[[], Browser], browser: Browser) -> None:
    assert stranger().get("/admin/no-such-page").status_code == 303
    assert browser.get("/admin/no-such-page").status_code == 404


def test_every_post_of_a_stranger_is_refused(app: Flask, stranger: Callable[[], Browser]) -> None:
    browser = stranger()
    browser.get("/admin/login")

    statuses = {path: browser.post(path).status_code for _, path in rules_of(app, "POST")}

    assert len(statuses) > 8
    assert set(statuses.values()) == {303}


def test_a_customer_is_not_let_in_whatever_token_they_hold(
    stranger: Callable[[], Browser], customer: Person
) -> None:
    browser = stranger()
    browser.sign_in(customer.email)

    assert browser.get("/admin/").status_code == 303
    assert browser.client.get("/admin/", headers=customer.headers).status_code == 303


def test_every_post_without_its_token_is_refused(app: Flask, browser: Browser) -> None:
    paths = [path for _, path in rules_of(app, "POST") if not path.startswith("/admin/jobs")]

    missing = {
        browser.client.post(path, headers={"Referer": "http://localhost/admin/"}).status_code
        for path in paths
    }
    wrong = {browser.client.post(path, data={"csrf_token": "wrong"}).status_code for path in paths}

    assert (missing, wrong) == ({400}, {400})


def test_the_sign_in_form_needs_its_token_too(stranger: Callable[[], Browser], administrator: Person) -> None:
    answer = stranger().client.post("/admin/login", data={"email": administrator.email, "password": "x"})

    assert answer.status_code == 400
    assert "reload" in answer.text


def test_a_token_of_another_session_is_refused(
    browser: Browser, stranger: Callable[[], Browser], customer: Person
) -> None:
    other = stranger()
    other.get("/admin/login")

    answer = browser.client.post(f"/admin/customers/{customer.id}/block", data={"csrf_token": other.token})

    assert answer.status_code == 400


def test_the_api_asks_for_no_csrf_token(stranger: Callable[[], Browser]) -> None:
    answer = stranger().client.post(
        "/api/v1/auth/login", json={"email": "a@example.com", "password": "wrong"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path", ["/admin/jobs/", "/admin/jobs/0/view/workers", "/admin/jobs/0/data/queues.json"]
)
def test_the_jobs_board_opens_for_an_administrator(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 200


def test_the_jobs_board_shows_no_other_redis(browser: Browser) -> None:
    assert browser.get("/admin/jobs/1/view/workers").status_code == 404


def test_the_jobs_board_changes_nothing_by_get(browser: Browser) -> None:
    answer = browser.get("/admin/jobs/requeue/money")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", None])
def test_the_jobs_board_takes_writes_from_our_own_pages_only(browser: Browser, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}

    answer = browser.client.post("/admin/jobs/queue/money/compact", headers=headers)

    assert answer.status_code == 403


def test_the_jobs_board_takes_writes_from_our_own_pages(browser: Browser) -> None:
    answer = browser.client.post("/admin/jobs/queue/money/compact", headers={"Origin": "http://localhost"})

    assert answer.status_code == 200


def test_pages_are_not_kept_not_framed_and_run_no_foreign_script(browser: Browser) -> None:
    headers = browser.get("/admin/").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "unsafe-eval" not in browser.get("/admin/tables/users/").headers["Content-Security-Policy"]


def test_no_page_of_ours_has_a_script_or_a_style_inside(browser: Browser) -> None:
    for path in (
        "/admin/",
        "/admin/customers",
        "/admin/instances",
        "/admin/nodes",
        "/admin/work",
        "/admin/tables/",
    ):
        text = browser.shown(path)
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert all("src=" in piece.split(">")[0] for piece in text.split("<script")[1:])
        assert "//cdn" not in text


def test_the_jobs_board_runs_no_script_that_does_not_carry_the_nonce_of_its_answer(browser: Browser) -> None:
    answers = [browser.get(path) for path in ("/admin/jobs/", "/admin/jobs/0/view/workers")]

    nonces = [
        re.search(
            r"script-src 'self' 'nonce-([^']+)' 'unsafe-eval'", answer.headers["Content-Security-Policy"]
        )
        for answer in answers
    ]
    assert all(
        nonce and f'<script nonce="{nonce[1]}"' in answer.text
        for nonce, answer in zip(nonces, answers, strict=True)
    )
    assert len({nonce and nonce[1] for nonce in nonces}) == 2
    assert "script-src 'self';" in browser.get("/admin/tables/users/").headers["Content-Security-Policy"]


def test_every_change_to_the_jobs_board_finds_its_place() -> None:
    folder = Path(rq_dashboard.__file__).parent / "templates"
    templates = "".join(each.read_text() for each in folder.rglob("*.html"))

    assert [theirs for theirs in CHANGES if theirs not in templates] == []
