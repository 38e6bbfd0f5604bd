"""The frame of the pages stays while pages come and go in it: what is shown is what a loaded page shows."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.admin.conftest import Browser as Forms
from tests.admin.test_frame import boosted, mark_of
from tests.browser.chromium import NARROW, WIDE, Tab
from tests.browser.framed import CURRENT, follow, section
from tests.browser.rows import ROWS, Row
from tests.browser.test_every_page import _address, _rule
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


def test_a_link_brings_the_content_and_the_frame_stays(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")

    answered = follow(tab, section(page, "Tickets"))

    assert stands()
    assert answered.startswith("<title>")
    expect(page).to_have_title("Tickets · MinisPod")
    expect(page).to_have_url(re.compile("/admin/tickets$"))
    expect(page.locator("#main")).to_be_focused()
    assert page.evaluate(CURRENT) == ["/admin/tickets"]
    assert page.evaluate("() => window.scrollY") == 0
    assert page.locator("main").count() == page.locator("#open-alerts").count() == 1
    follow(tab, page.locator("#list tbody tr").first.get_by_role("link", name=re.compile("^#")))
    assert page.evaluate(CURRENT) == ["/admin/tickets"]
    follow(tab, page.get_by_role("link", name="MinisPod"))
    assert page.evaluate(CURRENT) == ["/admin/"]
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
        follow(tab, section(page, name))
        reached[page.url] = page.evaluate(_CONTENT)

    assert len(reached) == 9
    for address, found in reached.items():
        tab.go(address)
        assert page.evaluate(_CONTENT) == found
    assert tab.wrongs + tab.forbidden() == []


def test_acts_keep_the_frame_and_say_what_came_of_them(tab: Tab, stands: Callable[[], bool]) -> None:
    page = tab.page
    tab.keep_parts_still()  # one that asks while the sign-out is answered is refused
    follow(tab, section(page, "Money"))
    follow(tab, page.get_by_role("link", name="Proof"))

    page.get_by_role("button", name="Prove it now").click()
    expect(page.locator("#said")).to_have_text(re.compile("^The proof is under way"))
    expect(page.get_by_role("button", name="Prove it now")).to_be_focused()
    # What the first one said is there already: the second is done when the page has come once more.
    follow(tab, page.get_by_role("button", name="Prove it now"))
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
    follow(tab, section(page, "Coupons"))
    follow(tab, page.get_by_role("link", name="Issue a coupon"))
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
    tab.press_twice(page.get_by_role("button", name="Add credit"))
    expect(page.locator("#outcomes")).to_contain_text("was added to the wallet")
    expect(page).to_have_url(re.compile("/wallet$"))
    assert tab.wrongs + tab.forbidden() == []
