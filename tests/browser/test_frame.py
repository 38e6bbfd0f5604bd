"""The frame of the pages stays while pages come and go in it: what is shown is what a loaded page shows."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect

from minispod.admin import frame
from minispod.alerts import book
from minispod.alerts.book import Manners
from minispod.alerts.judging import Verdict
from minispod.alerts.kinds import Rule
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser as Forms
from tests.admin.test_frame import boosted, mark_of
from tests.browser.chromium import NARROW, PATIENCE_MS, WIDE, Tab
from tests.browser.rows import ROWS, Row
from tests.browser.test_every_page import _address, _rule
from tests.plugins.app import PASSWORD
from tests.plugins.scene import Scene

pytestmark = pytest.mark.timeout(300)
FRAMED = [row for row in ROWS if not row.foreign and row.endpoint != "panel.sign_in"]
_MAIN = re.compile(r"<main .*</main>", re.DOTALL)
_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)
# What is made anew for each form.
_CHANGES = re.compile(r'(name="(?:csrf_token|key)" value=)"[^"]*"')
PROOF = "/admin/money/proof"
_CONTENT = """() => { const main = document.getElementById("main").cloneNode(true);
  main.querySelectorAll("[name=csrf_token], [name=key]").forEach((each) => each.setAttribute("value", ""));
  return [document.title, document.documentElement.lang, main.outerHTML]; }"""
_CURRENT = (
    "() => [...document.querySelectorAll('#sections [aria-current=page]')].map((each) => each.pathname)"
)
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def forms(app: Flask, ids: dict[str, str], scene: Scene) -> Forms:
    """The administrator without a browser."""
    made = Forms(app.test_client())
    assert made.sign_in(scene.administrator.email).status_code == 303
    return made


@pytest.mark.parametrize("row", FRAMED, ids=lambda row: row.name)
def test_a_page_is_the_same_with_its_frame_and_without(
    app: Flask, ids: dict[str, str], forms: Forms, row: Row
) -> None:
    path = _address(app, ids, row, _rule(app, row))
    whole = forms.get(path)
    part = forms.get(path, **boosted(mark_of(whole.text)))

    assert (whole.status_code, part.status_code) == (200, 200)
    assert whole.text.startswith("<!doctype html>")
    assert part.text.startswith("<title>")
    assert part.headers["HX-Retarget"] == "#main"
    assert [each for each in ("<html", "<head", "<header ", 'id="sections"') if each in part.text] == []
    for what in (_TITLE, _MAIN):
        one, other = (
            what.findall(_CHANGES.sub(r"\1", whole.text)),
            what.findall(_CHANGES.sub(r"\1", part.text)),
        )
        assert one == other
        assert len(one) == 1
    assert len(part.get_data()) < len(whole.get_data()) - 5_000


def _section(page: Page, name: str) -> Locator:
    return page.get_by_role("navigation", name="Administration").get_by_role(
        "link", name=re.compile(f"^{name}")
    )


def _follow(tab: Tab, wanted: Locator) -> str:
    """Click and wait for the page; returns what was answered."""
    with tab.page.expect_response(
        lambda answer: answer.request.resource_type in ("xhr", "document")
    ) as asked:
        wanted.click()
    tab.settle()
    return asked.value.text()


@pytest.fixture
def stands(tab: Tab) -> Callable[[], bool]:
    """Tell whether the document is the one that was there when this was first asked."""
    tab.go("/admin/")
    tab.page.evaluate("() => { window.isFirst = true; document.querySelector('header').isFirst = true; }")
    return lambda: tab.page.evaluate(
        "() => [window, document.querySelector('header')].every((each) => each?.isFirst)"
    )


def test_a_link_brings_the_content_and_the_frame_stays(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")

    answered = _follow(tab, _section(page, "Tickets"))

    assert stands()
    assert answered.startswith("<title>")
    expect(page).to_have_title("Tickets · MinisPod")
    expect(page).to_have_url(re.compile("/admin/tickets$"))
    expect(page.locator("#main")).to_be_focused()
    assert page.evaluate(_CURRENT) == ["/admin/tickets"]
    assert page.evaluate("() => window.scrollY") == 0
    assert page.locator("main").count() == page.locator("#open-alerts").count() == 1
    _follow(tab, page.locator("#list tbody tr").first.get_by_role("link", name=re.compile("^#")))
    assert page.evaluate(_CURRENT) == ["/admin/tickets"]
    _follow(tab, page.get_by_role("link", name="MinisPod"))
    assert page.evaluate(_CURRENT) == ["/admin/"]
    assert stands()
    assert tab.wrongs + tab.forbidden() == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_is_reached_is_what_is_loaded(tab: Tab, size: dict[str, int]) -> None:
    page, reached = tab.page, {}
    page.set_viewport_size(size)
    tab.go("/admin/")
    for name in (
        "Alerts",
        "Customers",
        "Coupons",
        "Instances",
        "Domains",
        "Catalogue",
        "Money",
        "Audit",
        "Tables",
    ):
        if size == NARROW:
            page.get_by_role("button", name="Menu").click()
        _follow(tab, _section(page, name))
        reached[page.url] = page.evaluate(_CONTENT)

    assert len(reached) == 9
    for address, found in reached.items():
        tab.go(address)
        assert page.evaluate(_CONTENT) == found
    assert tab.wrongs + tab.forbidden() == []


def test_acts_keep_the_frame_and_say_what_came_of_them(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    _follow(tab, _section(page, "Money"))
    _follow(tab, page.get_by_role("link", name="Proof"))

    page.get_by_role("button", name="Prove it now").click()
    expect(page.locator("#said")).to_have_text(re.compile("^The proof is under way"))
    expect(page.get_by_role("button", name="Prove it now")).to_be_focused()
    page.get_by_role("button", name="Prove it now").click()
    expect(page.locator("#outcomes .outcome")).to_have_count(1)

    expect(page).to_have_url(re.compile(PROOF + "$"))
    assert stands()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert tab.wrongs + tab.forbidden() == []


def test_an_act_that_is_refused_is_told_in_the_frame(
    tab: Tab, stands: Callable[[], bool], app: Flask, ids: dict[str, str], scene: Scene
) -> None:
    page, path = tab.page, f"/admin/money/adjustments/{ids['adjustment_id']}"
    tab.go(path)
    page.evaluate("() => { window.isFirst = true; document.querySelector('header').isFirst = true; }")
    elsewhere = Forms(app.test_client())
    elsewhere.sign_in(scene.administrator.email)
    elsewhere.get(path)
    assert elsewhere.post(f"{path}/decline", path).status_code == 303

    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()

    expect(page.locator("#outcomes .message.bad")).to_be_visible()
    expect(page.locator("#said")).not_to_be_empty()
    assert stands()


def test_a_form_that_is_not_right_comes_back_in_the_frame(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    _follow(tab, _section(page, "Coupons"))
    _follow(tab, page.get_by_role("link", name="Issue a coupon"))
    page.locator("main form.stacked").first.evaluate("each => each.noValidate = true")

    page.locator("main form.stacked button[type=submit]").click()

    expect(page.locator("main #problem")).to_be_in_viewport()
    expect(page.locator("#main")).to_be_focused()
    assert stands()
    assert [each for each in tab.wrongs if "400" not in each] == []


def test_a_form_that_shows_what_it_would_do_first_is_left_and_done(
    tab: Tab, stands: Callable[[], bool], scene: Scene
) -> None:
    page, asked = tab.page, re.compile(f"/admin/customers/{scene.customer.id}/wallet/adjust$")
    tab.go(f"/admin/customers/{scene.customer.id}/wallet/adjust")
    page.evaluate("() => { window.isFirst = true; document.querySelector('header').isFirst = true; }")

    def fill_in() -> None:
        page.get_by_label("Amount in rupiah").fill("25.000")
        page.get_by_label("Reason").fill("An invoice was wrong.")
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_role("heading", name="Check the adjustment")).to_be_visible()
        expect(page.locator("#main")).to_be_focused()
        expect(page).to_have_url(asked)

    fill_in()
    assert stands()
    page.reload()
    expect(page.get_by_label("Amount in rupiah")).to_have_value("")
    fill_in()
    page.get_by_role("button", name="Add credit").dblclick()
    expect(page.locator("#outcomes")).to_contain_text("was added to the wallet")
    expect(page).to_have_url(re.compile("/wallet$"))
    assert tab.wrongs + tab.forbidden() == []


def _link_to(page: Page, path: str) -> Locator:
    """Put a link on the page, as if the list had one to what is gone by now."""
    page.evaluate(
        """path => { const main = document.getElementById("main");
             main.insertAdjacentHTML("beforeend", `<a href="${path}">What is gone</a>`);
             htmx.process(main); }""",
        path,
    )
    return page.get_by_role("link", name="What is gone")


def test_an_error_takes_the_place_of_the_page_and_leads_back(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    _follow(tab, _section(page, "Coupons"))
    _follow(tab, _link_to(page, "/admin/coupons/none"))

    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(page).to_have_title("Nothing here · MinisPod")
    expect(page.locator("#main")).to_be_focused()
    expect(page.get_by_role("navigation", name="Administration")).to_have_count(0)
    assert [each for each in tab.wrongs if "404" not in each] == []
    _follow(tab, page.get_by_role("link", name="To the first page"))

    expect(page.get_by_role("navigation", name="Administration")).to_be_visible()
    assert page.evaluate(_CURRENT) == ["/admin/"]
    assert _follow(tab, _section(page, "Nodes")).startswith("<title>")
    assert page.evaluate(_CURRENT) == ["/admin/nodes"]
    assert tab.forbidden() == []


def test_back_forward_and_reload_show_whole_pages(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    _follow(tab, _section(page, "Tickets"))
    _follow(tab, _section(page, "Nodes"))
    assert stands()

    for way, name in (
        (page.go_back, "Tickets"),
        (page.go_back, "Today"),
        (page.go_forward, "Tickets"),
        (page.reload, "Tickets"),
    ):
        way()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        expect(_section(page, name)).to_have_attribute("aria-current", "page")
        expect(page).to_have_title(f"{name} · MinisPod")
    page.goto("/account/none")
    page.go_back()

    expect(page.get_by_role("heading", name="Tickets", level=1)).to_be_visible()
    expect(_section(page, "Tickets")).to_have_attribute("aria-current", "page")
    assert tab.forbidden() == []


def test_who_is_no_longer_signed_in_comes_back_to_where_the_link_led(
    tab: Tab, stands: Callable[[], bool], clock: FrozenClock, scene: Scene
) -> None:
    page = tab.page
    assert stands()
    clock.advance(hours=2)

    _section(page, "Tickets").click()
    page.get_by_label("E-mail").fill(scene.administrator.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Tickets", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("/admin/tickets$"))
    assert _follow(tab, _section(page, "Nodes")).startswith("<title>")


def test_another_language_is_another_frame(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    _follow(tab, _section(page, "Tickets"))
    other = page.context.new_page()
    other.goto("/admin/nodes")
    page.get_by_role("button", name="Bahasa Indonesia").click()
    expect(page.locator("html")).to_have_attribute("lang", "id")
    expect(page.locator("#sections")).to_contain_text("Pelanggan")

    other.locator("#sections a[href='/admin/customers']").click()

    expect(other.locator("html")).to_have_attribute("lang", "id")
    expect(other.locator("#sections")).to_contain_text("Pelanggan")
    expect(other).to_have_url(re.compile("/admin/customers$"))
    assert tab.wrongs + tab.forbidden() == []


def test_after_a_deploy_the_next_link_loads_its_page(
    tab: Tab, stands: Callable[[], bool], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tab.page
    _follow(tab, _section(page, "Tickets"))
    assert stands()
    monkeypatch.setitem(app.extensions, frame.VERSION, "another")

    _section(page, "Nodes").click()

    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    assert not stands()
    assert page.evaluate(_CURRENT) == ["/admin/nodes"]
    page.go_back()
    expect(page.get_by_role("heading", name="Tickets", level=1)).to_be_visible()
    assert _follow(tab, _section(page, "Nodes")).startswith("<title>")
    assert tab.wrongs + tab.forbidden() == []


def test_after_a_deploy_an_act_is_done_once_and_told(
    tab: Tab, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, sent = tab.page, []
    tab.go(PROOF)
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    monkeypatch.setitem(app.extensions, frame.VERSION, "another")

    page.get_by_role("button", name="Prove it now").click()

    expect(page.locator("#outcomes .outcome")).to_have_count(1)
    expect(page).to_have_url(re.compile(PROOF + "$"))
    assert len(sent) == 1
    assert tab.wrongs + tab.forbidden() == []


def test_what_was_opened_to_leave_a_page_is_closed_on_the_next(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    page.set_viewport_size(NARROW)
    page.get_by_role("button", name="Menu").click()
    _follow(tab, _section(page, "Nodes"))
    expect(_section(page, "Nodes")).to_be_hidden()
    expect(page.locator("#main")).to_be_focused()

    page.get_by_role("button", name="Find").click()
    search = page.get_by_role("dialog", name="Search everything").get_by_role("searchbox")
    search.fill("example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search", level=1)).to_be_visible()
    expect(search).to_be_hidden()
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("button", name="Find").click()
    expect(search).to_have_value("")
    assert stands()
    assert tab.wrongs + tab.forbidden() == []


def test_the_alerts_that_wait_are_counted_anew_with_each_page(
    tab: Tab, stands: Callable[[], bool], app: Flask, clock: FrozenClock
) -> None:
    page = tab.page
    expect(page.locator("#open-alerts")).to_contain_text("open")
    with app.app_context(), unit_of_work():
        nothing = Verdict((), frozenset(Rule))
        book.settle(book.begin(), nothing, manners=Manners(timedelta(hours=1), None), at=clock.now())

    _follow(tab, _section(page, "Nodes"))

    expect(page.locator("#open-alerts")).to_be_empty()
    assert stands()


def test_a_living_part_ends_with_its_page_and_begins_with_the_next(tab: Tab) -> None:
    page, asked = tab.page, []
    page.clock.install()
    page.on(
        "request", lambda request: request.headers.get("x-refresh") == "auto" and asked.append(request.url)
    )
    tab.go(PROOF)
    with page.expect_response(lambda answer: answer.request.headers.get("x-refresh") == "auto"):
        page.clock.run_for(11_000)
    tab.settle()
    asked.clear()

    _section(page, "Nodes").click()
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    page.clock.run_for(1_000)
    tab.settle()
    with page.expect_response(lambda answer: answer.request.headers.get("x-refresh") == "auto"):
        page.clock.run_for(60_000)

    assert asked
    assert {each.partition("?")[0].rpartition("/")[2] for each in asked} == {"nodes"}


def test_of_two_links_the_later_one_is_shown_whichever_comes_first(
    tab: Tab, stands: Callable[[], bool]
) -> None:
    page, held = tab.page, []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/admin/tickets", hold)
    with page.expect_request("**/admin/tickets"):
        _section(page, "Tickets").click()
    _section(page, "Nodes").click()
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()

    with page.expect_response("**/admin/tickets"):
        held[0].continue_()
    tab.settle()

    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("/admin/nodes$"))
    expect(page).to_have_title("Nodes · MinisPod")
    assert stands()


def test_an_error_of_the_earlier_link_does_not_take_the_place_of_the_later_one(
    tab: Tab, stands: Callable[[], bool]
) -> None:
    page, held = tab.page, []
    page.route("**/admin/tickets", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    with page.expect_request("**/admin/tickets"):
        _section(page, "Tickets").click()
    _section(page, "Nodes").click()
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()

    with page.expect_response("**/admin/tickets"):
        held[0].fulfill(status=503, content_type="text/html", body="<main id=main><h1>Not now</h1></main>")
    tab.settle()

    expect(page.get_by_role("heading", level=1)).to_have_text("Nodes")
    expect(page).to_have_url(re.compile("/admin/nodes$"))
    assert stands()


def test_an_error_of_a_proxy_is_shown_as_it_is(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    page.route(
        "**/admin/tickets",
        lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>"),
    )
    _follow(tab, _section(page, "Tickets"))

    expect(page.get_by_role("heading", level=1)).to_have_text("Bad gateway")
    assert [each for each in tab.wrongs if "502" not in each] == []


def test_looking_as_a_customer_is_said_in_a_frame_that_stays(tab: Tab, scene: Scene) -> None:
    page = tab.page
    tab.go(f"/admin/customers/{scene.customer.id}")
    page.get_by_role("button", name="See as customer").click()
    dialog = page.get_by_role("dialog", name="See what Siti Rahma sees?")
    dialog.get_by_label("Reason").fill("The customer says that an invoice is missing.")
    dialog.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What Siti Rahma sees")

    _follow(tab, _section(page, "Nodes"))
    expect(page.get_by_text("You look as")).to_be_visible()
    page.get_by_role("button", name="End it now").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Siti Rahma")
    expect(page.get_by_text("You look as")).to_have_count(0)
    assert tab.wrongs + tab.forbidden() == []


def test_a_chart_that_is_reached_is_drawn(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    _follow(tab, _section(page, "Revenue"))
    expect(page.locator("chart-plot .uplot").first).to_be_visible()
    _follow(tab, _section(page, "Nodes"))
    _follow(tab, _section(page, "Revenue"))
    expect(page.locator("chart-plot .uplot").first).to_be_visible()
    assert stands()
    assert tab.wrongs + tab.forbidden() == []
