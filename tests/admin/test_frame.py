"""What a page that has its frame already is answered: its title, its content and the count of alerts (ADR 0051)."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from minispod.admin import frame
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.plugins.app import Person

_MARK = re.compile(r'<meta name="frame" content="([0-9a-f]{16})">')
Follow = Callable[..., TestResponse]
Deploy = Callable[[], None]


def mark_of(page: str) -> str:
    """The mark of the frame that stands around a page."""
    found = _MARK.search(page)
    assert found is not None
    return found[1]


def boosted(mark: str) -> dict[str, str]:
    """What htmx and admin.js say when a link or a form of a page is followed."""
    return {"HX-Request": "true", "HX-Boosted": "true", frame.HEADER: mark}


@pytest.fixture
def follow(browser: Browser) -> Follow:
    """Follow a link of a page whose frame has this mark; of the page that stands there now when none is given."""
    present = mark_of(browser.shown("/admin/"))
    return lambda path, mark=present: browser.get(path, **boosted(mark))


@pytest.fixture
def deploy(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """From now on the frames are made of other files."""
    return lambda: monkeypatch.setitem(app.extensions, frame.VERSION, "another")


def test_a_page_that_has_its_frame_is_answered_without_it(browser: Browser, follow: Follow) -> None:
    whole, part = browser.get("/admin/nodes"), follow("/admin/nodes")

    assert part.status_code == 200
    assert part.text.startswith("<title>Nodes · MinisPod</title><main ")
    assert [
        each for each in ("<html", "<head", "<header", 'id="sections"', 'id="find"') if each in part.text
    ] == []
    assert part.text.count("<main ") == 1
    assert part.text.endswith('</main><span id="open-alerts" hx-swap-oob="true"></span>')
    assert (part.headers["HX-Retarget"], part.headers["HX-Reswap"]) == ("#main", "outerHTML")
    assert 'data-section="nodes"' in part.text
    assert "HX-Retarget" not in whole.headers
    assert 'id="open-alerts"></span>' in whole.text


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/nodes", "/admin/coupons/new", "/admin/tables/", "/admin/nope"]
)
def test_nobody_is_given_the_answer_to_another_way_of_asking(
    follow: Follow, browser: Browser, path: str
) -> None:
    for answer in (browser.get(path), follow(path), browser.fragment(path)):
        assert {"HX-Request", "HX-Boosted", frame.HEADER} <= set(answer.vary)
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"HX-Request": "true", "HX-Boosted": "true"},
        {"HX-Boosted": "true", frame.HEADER: "its own"},
        {
            "HX-Request": "true",
            "HX-Boosted": "true",
            "HX-History-Restore-Request": "true",
            frame.HEADER: "its own",
        },
    ],
    ids=["no htmx", "no frame around it", "not htmx", "a restored history"],
)
def test_whoever_has_no_frame_gets_the_whole_page(browser: Browser, said: dict[str, str]) -> None:
    own = mark_of(browser.shown("/admin/"))

    answer = browser.get(
        "/admin/nodes", **{name: own if text == "its own" else text for name, text in said.items()}
    )

    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    assert answer.text.endswith("</html>")
    assert not {"HX-Retarget", "HX-Reswap", "HX-Redirect"} & set(answer.headers.keys())


def test_an_act_leads_to_its_page_without_the_frame_and_says_what_came_of_it(
    browser: Browser, shop: Shop
) -> None:
    own = boosted(mark_of(browser.shown("/admin/")))
    body = {"csrf_token": browser.token}

    sent = browser.client.post("/admin/money/proof", data=body, headers=own)
    assert sent.status_code == 303
    part = browser.client.get(sent.location, headers=own)

    assert part.text.startswith("<title>")
    assert part.text.count('class="outcome"') == 1
    assert 'class="outcome"' not in browser.shown(sent.location)


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [("/admin/nope", 404, "Nothing here"), ("/admin/customers/not-an-id", 404, "Nothing here")],
)
def test_an_error_is_a_page_of_its_own(follow: Follow, path: str, status: int, title: str) -> None:
    answer = follow(path)

    assert answer.status_code == status
    assert answer.text.lstrip().startswith("<!doctype html>")
    assert f"<title>{title} · MinisPod</title>" in answer.text
    assert "HX-Retarget" not in answer.headers


def test_what_breaks_while_it_is_written_is_a_page_of_its_own(
    app: Flask, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_text: str) -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.jinja_env.globals, "viewing_banner", lambda: break_down(""))
    answer = follow("/admin/nodes")

    assert answer.status_code == 500
    assert "Something broke" in answer.text
    assert "<html" in answer.text
    assert "HX-Retarget" not in answer.headers


def test_a_form_that_is_refused_in_its_place_keeps_the_frame(browser: Browser) -> None:
    own = boosted(mark_of(browser.shown("/admin/coupons/new")))

    answer = browser.client.post("/admin/coupons/new", data={"csrf_token": browser.token}, headers=own)

    assert answer.status_code == 400
    assert answer.text.startswith("<title>")
    assert answer.headers["HX-Retarget"] == "#main"


def test_what_a_form_shows_itself_has_no_address(browser: Browser, follow: Follow) -> None:
    own = boosted(mark_of(browser.shown("/admin/coupons/new")))
    told = {
        path: browser.client.post(path, data={"csrf_token": browser.token}, headers=own)
        for path in ("/admin/coupons/new", "/admin/money/proof", "/admin/nope", "/admin/tables/")
    }

    assert [answer.status_code for answer in told.values()] == [400, 303, 404, 405]
    assert {path: answer.headers.get("HX-Push-Url") for path, answer in told.items()} == dict.fromkeys(
        told, "false"
    )
    assert "HX-Push-Url" not in follow("/admin/coupons/new").headers
    assert "HX-Push-Url" not in browser.post("/admin/coupons/new").headers


def test_after_a_deploy_the_page_is_loaded(deploy: Deploy, follow: Follow) -> None:
    assert follow("/admin/customers?q=si%C3%A9+ti&state=a").status_code == 200
    deploy()

    answer = follow("/admin/customers?q=si%C3%A9+ti&state=a")

    assert (answer.status_code, answer.text) == (204, "")
    assert answer.headers["HX-Redirect"] == "/admin/customers?q=si%C3%A9+ti&state=a"
    assert frame.HEADER in answer.vary


def test_what_an_act_says_waits_until_the_page_is_loaded(deploy: Deploy, browser: Browser) -> None:
    own = boosted(mark_of(browser.shown("/admin/")))
    deploy()

    sent = browser.client.post("/admin/money/proof", data={"csrf_token": browser.token}, headers=own)
    led = browser.client.get(sent.location, headers=own)

    assert led.headers["HX-Redirect"] == sent.location
    assert 'class="outcome"' in browser.shown(sent.location)


def test_a_page_made_by_a_form_after_a_deploy_is_whole(deploy: Deploy, browser: Browser) -> None:
    own = boosted(mark_of(browser.shown("/admin/coupons/new")))
    deploy()

    answer = browser.client.post("/admin/coupons/new", data={"csrf_token": browser.token}, headers=own)

    assert answer.status_code == 400
    assert answer.text.startswith("<!doctype html>")
    assert "HX-Retarget" not in answer.headers


def test_another_language_chosen_in_another_tab_loads_the_page(browser: Browser, follow: Follow) -> None:
    browser.post("/admin/language", language="id")

    assert follow("/admin/nodes").headers["HX-Redirect"] == "/admin/nodes"
    assert '<html lang="id">' in browser.shown("/admin/nodes")


def test_another_person_or_a_new_session_has_another_frame(
    browser: Browser, follow: Follow, clock: FrozenClock, administrator: Person, person: Callable[..., Person]
) -> None:
    other = person(role=Role.ADMINISTRATOR)
    first = mark_of(browser.shown("/admin/"))
    clock.advance(seconds=1)
    browser.sign_in(administrator.email)
    again = mark_of(browser.shown("/admin/"))
    clock.advance(seconds=1)
    browser.sign_in(other.email)

    assert len({first, again, mark_of(browser.shown("/admin/"))}) == 3
    assert follow("/admin/nodes").headers["HX-Redirect"] == "/admin/nodes"


def test_a_mark_that_nobody_made_is_not_answered_with_a_part(follow: Follow) -> None:
    for odd in ("", "0" * 16, "é", "x" * 5_000):
        assert follow("/admin/nodes", odd).status_code == 204


def test_who_is_not_signed_in_is_sent_to_the_sign_in(stranger: Callable[[], Browser]) -> None:
    answer = stranger().get("/admin/nodes", **boosted("0" * 16))

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/admin/login?next=/admin/nodes")


def test_the_section_of_a_page_is_marked_in_both_ways(browser: Browser, follow: Follow) -> None:
    for path, section in {
        "/admin/": "/admin/",
        "/admin/orphans": "/admin/instances",
        "/admin/bulk": "/admin/instances",
        "/admin/cluster/pods": "/admin/nodes",
        "/admin/node-joins": "/admin/nodes",
        "/admin/money/topups": "/admin/money",
        "/admin/tables/users/": "/admin/tables/",
    }.items():
        whole = browser.shown(path)
        current = re.findall(r'<li><a href="([^"]+)" aria-current="page">', whole)
        assert current == [section]
        said = re.search(r'data-section="([^"]*)"', follow(path).text)
        assert said is not None
        assert said[1] == section.split("/")[2]
