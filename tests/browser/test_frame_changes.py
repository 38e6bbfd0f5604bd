"""What happens to the frame that stays when something goes otherwise: an error, the history, a deploy in between."""

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
from tests.browser.chromium import NARROW, Tab
from tests.browser.framed import CURRENT, follow, section
from tests.plugins.app import PASSWORD
from tests.plugins.scene import Scene

pytestmark = pytest.mark.timeout(300)
PROOF = "/admin/money/proof"


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
    follow(tab, section(page, "Coupons"))
    follow(tab, _link_to(page, "/admin/coupons/none"))

    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    expect(page).to_have_title("Nothing here · MinisPod")
    expect(page.locator("#main")).to_be_focused()
    expect(page.get_by_role("navigation", name="Administration")).to_have_count(0)
    assert [each for each in tab.wrongs if "404" not in each] == []
    follow(tab, page.get_by_role("link", name="To the first page"))

    expect(page.get_by_role("navigation", name="Administration")).to_be_visible()
    assert page.evaluate(CURRENT) == ["/admin/"]
    assert follow(tab, section(page, "Nodes")).startswith("<title>")
    assert page.evaluate(CURRENT) == ["/admin/nodes"]
    assert tab.forbidden() == []


def test_back_forward_and_reload_show_whole_pages(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    follow(tab, section(page, "Tickets"))
    follow(tab, section(page, "Nodes"))
    assert stands()

    for way, name in (
        (page.go_back, "Tickets"),
        (page.go_back, "Today"),
        (page.go_forward, "Tickets"),
        (page.reload, "Tickets"),
    ):
        way()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        expect(section(page, name)).to_have_attribute("aria-current", "page")
        expect(page).to_have_title(f"{name} · MinisPod")
    page.goto("/account/none")
    page.go_back()

    expect(page.get_by_role("heading", name="Tickets", level=1)).to_be_visible()
    expect(section(page, "Tickets")).to_have_attribute("aria-current", "page")
    assert tab.forbidden() == []


def test_who_is_no_longer_signed_in_comes_back_to_where_the_link_led(
    tab: Tab, stands: Callable[[], bool], clock: FrozenClock, scene: Scene
) -> None:
    page = tab.page
    tab.keep_parts_still()  # or one of them learns first that the sign-in expired
    assert stands()
    clock.advance(hours=2)

    section(page, "Tickets").click()
    page.get_by_label("E-mail").fill(scene.administrator.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Tickets", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("/admin/tickets$"))
    assert follow(tab, section(page, "Nodes")).startswith("<title>")


def test_another_language_is_another_frame(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    follow(tab, section(page, "Tickets"))
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
    follow(tab, section(page, "Tickets"))
    assert stands()
    monkeypatch.setitem(app.extensions, frame.VERSION, "another")

    section(page, "Nodes").click()

    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    assert not stands()
    assert page.evaluate(CURRENT) == ["/admin/nodes"]
    page.go_back()
    expect(page.get_by_role("heading", name="Tickets", level=1)).to_be_visible()
    assert follow(tab, section(page, "Nodes")).startswith("<title>")
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
    follow(tab, section(page, "Nodes"))
    expect(section(page, "Nodes")).to_be_hidden()
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

    follow(tab, section(page, "Nodes"))

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

    section(page, "Nodes").click()
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    page.clock.run_for(1_000)
    tab.settle()
    # Only now: the clock goes on by itself, so what was left may rightly have asked until it was gone.
    asked.clear()
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
        section(page, "Tickets").click()
    section(page, "Nodes").click()
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
        section(page, "Tickets").click()
    section(page, "Nodes").click()
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
    follow(tab, section(page, "Tickets"))

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

    follow(tab, section(page, "Nodes"))
    expect(page.get_by_text("You look as")).to_be_visible()
    page.get_by_role("button", name="End it now").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Siti Rahma")
    expect(page.get_by_text("You look as")).to_have_count(0)
    assert tab.wrongs + tab.forbidden() == []


def test_a_chart_that_is_reached_is_drawn(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    follow(tab, section(page, "Revenue"))
    expect(page.locator("chart-plot .uplot").first).to_be_visible()
    follow(tab, section(page, "Nodes"))
    follow(tab, section(page, "Revenue"))
    expect(page.locator("chart-plot .uplot").first).to_be_visible()
    assert stands()
    assert tab.wrongs + tab.forbidden() == []
