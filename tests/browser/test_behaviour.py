"""What happens in the browser when things do not go as planned, and what the keyboard can do."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from minispod.cluster import monitoring
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser as Forms
from tests.browser.chromium import NARROW, Tab, open_tab
from tests.plugins.app import PASSWORD
from tests.plugins.scene import Scene

PROOF = "/admin/money/proof"
# A browser on a busy machine: longer than what a test waits for by itself.
pytestmark = pytest.mark.timeout(300)


def _posts(page: Page) -> list[str]:
    """The addresses to which forms will be sent."""
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    return sent


def _sign_in(page: Page, scene: Scene) -> None:
    page.get_by_label("E-mail").fill(scene.administrator.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_who_follows_a_link_signs_in_by_keyboard_and_is_there(
    chromium: Browser, server: str, scene: Scene
) -> None:
    with open_tab(chromium, server) as tab:
        tab.go("/admin/customers?q=siti")

        expect(tab.page.get_by_label("E-mail")).to_be_focused()
        tab.page.keyboard.type(scene.administrator.email)
        tab.page.keyboard.press("Tab")
        tab.page.keyboard.type(PASSWORD)
        tab.page.keyboard.press("Enter")

        expect(tab.page.get_by_role("heading", name="Customers", level=1)).to_be_visible()
        expect(tab.page).to_have_url(re.compile(r"/admin/customers\?q=siti$"))
        assert tab.wrongs + tab.forbidden() == []


def test_the_keyboard_skips_the_navigation_searches_and_shows_what_it_can_do(tab: Tab) -> None:
    page = tab.page
    tab.go("/admin/customers")

    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("siti@example")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.get_by_role("searchbox")).to_have_value("siti@example?")
    page.get_by_role("button", name="Search").focus()
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_be_visible()
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    assert tab.wrongs + tab.forbidden() == []


def test_on_a_phone_the_sections_are_behind_a_button(tab: Tab) -> None:
    page = tab.page
    page.set_viewport_size(NARROW)
    tab.go("/admin/")
    nodes = page.get_by_role("navigation", name="Administration").get_by_role("link", name="Nodes")

    expect(nodes).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(nodes).to_be_visible()
    assert tab.too_wide() + tab.against_access() == []
    nodes.click()

    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()
    expect(nodes).to_be_hidden()
    expect(page.locator("#main")).to_be_focused()


def test_a_double_click_sends_a_form_once(tab: Tab) -> None:
    page = tab.page
    tab.go(PROOF)
    sent, held = _posts(page), []
    page.route(
        "**/admin/money/proof", lambda route: held.append(route) if _is_post(route) else route.continue_()
    )
    button = page.get_by_role("button", name="Prove it now")

    with page.expect_request(lambda request: request.method == "POST"):
        button.dblclick()
    button.click()
    held[0].continue_()

    expect(page.get_by_text("A proof is under way.")).to_be_visible()
    assert len(sent) == 1


def _is_post(route: Route) -> bool:
    return route.request.method == "POST"


def test_what_came_of_an_act_is_told_read_aloud_and_can_be_closed(tab: Tab) -> None:
    page = tab.page
    tab.go(PROOF)
    button = page.get_by_role("button", name="Prove it now")
    button.click()

    told = page.locator("#outcomes .message")
    expect(told).to_be_visible()
    expect(page.locator("#said")).to_have_text(told.inner_text())
    expect(button).to_be_focused()
    assert tab.against_access() == []
    page.get_by_role("button", name="Close this message").click()
    expect(told).to_have_count(0)
    assert tab.wrongs + tab.forbidden() == []


def test_a_page_that_is_out_of_date_says_so_and_shows_what_is_true(
    tab: Tab, app: Flask, ids: dict[str, str], scene: Scene
) -> None:
    page, path = tab.page, f"/admin/money/adjustments/{ids['adjustment_id']}"
    tab.go(path)
    elsewhere = Forms(app.test_client())
    elsewhere.sign_in(scene.administrator.email)
    elsewhere.get(path)
    assert elsewhere.post(f"{path}/decline", path).status_code == 303

    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()

    expect(page.locator("#outcomes .message.bad")).to_be_visible()
    expect(page.locator(".badge").get_by_text("Declined")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


@pytest.mark.parametrize("way", ["a part", "a form"])
def test_a_sign_in_that_expired_in_the_middle_leads_back(
    tab: Tab, clock: FrozenClock, scene: Scene, way: str
) -> None:
    page = tab.page
    wanted = "/admin/customers" if way == "a part" else PROOF
    tab.keep_parts_still()  # or one of them learns first that the sign-in expired
    tab.go(wanted)
    clock.advance(hours=2)

    if way == "a part":
        page.get_by_role("searchbox").fill("siti@example")
    else:
        page.get_by_role("button", name="Prove it now").click()
    expect(page.get_by_label("Password")).to_be_visible()
    _sign_in(page, scene)

    expect(page.get_by_role("navigation", name="Administration")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape(wanted) + "$"))


def test_a_server_that_does_not_answer_is_told_until_it_does(tab: Tab) -> None:
    page = tab.page
    tab.go("/admin/customers")
    lost = page.get_by_role("alert")
    page.route("**/admin/customers?*", lambda route: route.abort("connectionrefused"))

    page.get_by_role("searchbox").fill("siti")
    expect(lost).to_be_visible()
    page.unroute("**/admin/customers?*")
    page.get_by_role("searchbox").fill("siti@example")

    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(lost).to_be_hidden()


@pytest.mark.parametrize("path", ["/admin/", "/admin/nodes"])
def test_a_silent_cluster_is_told_with_the_last_picture(
    tab: Tab, app: Flask, clock: FrozenClock, path: str
) -> None:
    with app.app_context(), unit_of_work():
        monitoring.record_silence(clock.now())
    clock.advance(minutes=5)

    tab.go(path)

    main = tab.page.locator("main")
    expect(main).to_contain_text(re.compile("(unreachable|silent) since 5 min ago"))
    expect(main.get_by_text("CPU requested").first).to_be_visible()
    assert tab.wrongs + tab.forbidden() == []


@pytest.mark.parametrize("part", ["logs", "events"])
def test_what_only_the_cluster_knows_is_missed_in_one_sentence(
    tab: Tab, ids: dict[str, str], part: str
) -> None:
    tab.go(f"/admin/instances/{ids['instance_id']}/{part}")

    expect(tab.page.locator(f"#{part} .message.warn")).to_be_visible()
    tab.page.get_by_role("link", name="Read again").click()
    tab.settle()
    expect(tab.page.locator(f"#{part} .message.warn")).to_be_visible()
    assert tab.wrongs + tab.forbidden() == []


@pytest.fixture
def refresh(tab: Tab) -> Callable[[], None]:
    """Let the browser's own time pass until the living part has asked again."""
    tab.page.clock.install()

    def ask() -> None:
        with tab.page.expect_response(lambda answer: answer.request.headers.get("x-refresh") == "auto"):
            tab.page.clock.run_for(11_000)
        tab.settle()

    return ask


def test_a_living_part_stays_untouched_while_nothing_changes(tab: Tab, refresh: Callable[[], None]) -> None:
    tab.go(PROOF)
    tab.page.evaluate("() => { document.getElementById('live').seenBefore = true; }")

    refresh()

    assert tab.page.evaluate("() => document.getElementById('live').seenBefore") is True


def test_a_living_part_changes_without_taking_the_keyboards_place(
    tab: Tab, refresh: Callable[[], None], app: Flask, clock: FrozenClock
) -> None:
    tab.go("/admin/nodes")
    link = tab.page.get_by_role("link", name="worker-1", exact=True).first
    link.focus()
    with app.app_context(), unit_of_work():
        monitoring.record_silence(clock.now())

    refresh()

    expect(tab.page.locator("#live")).to_contain_text("The cluster is unreachable")
    expect(link).to_be_focused()
    assert tab.wrongs + tab.forbidden() == []
