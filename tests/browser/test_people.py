"""What people do with customers in a browser: find anything by keyboard, help who paid, look as a customer."""

import re
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.browser.chromium import NARROW, Tab
from tests.plugins.scene import Scene

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def failed(app: Flask, scene: Scene) -> str:
    """An instance of the customer that could not be started."""
    id_ = scene.ids["instance_id"][0]
    with app.app_context(), unit_of_work():
        row = session().get_one(Instance, uuid.UUID(id_))
        row.status, row.last_error = InstanceStatus.ERROR, "The image could not be pulled."
    return id_


def _search_by(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    expect(page.get_by_role("dialog", name="Search everything")).to_be_visible()
    expect(page.get_by_role("searchbox", name=re.compile("Name, e-mail"))).to_be_focused()


def test_everything_is_searched_from_every_page_by_keyboard(tab: Tab, scene: Scene) -> None:
    page = tab.page
    tab.go("/admin/")

    _search_by(page, "/")
    page.keyboard.type(scene.customer.email)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/admin/customers/{scene.customer.id}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Siti Rahma")

    tab.go("/admin/instances")
    _search_by(page, "/", "/")
    page.keyboard.type("siti")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/search\?q=siti$"))
    expect(page.locator("#list tbody tr").first).to_be_visible()
    assert tab.wrongs + tab.forbidden() == []


def test_a_stroke_in_a_search_that_says_something_is_a_letter(tab: Tab) -> None:
    page = tab.page
    tab.go("/admin/customers?q=siti")

    page.keyboard.press("/")
    page.keyboard.press("End")
    page.keyboard.press("/")

    expect(page.get_by_role("searchbox")).to_have_value("siti/")
    expect(page.get_by_role("dialog", name="Search everything")).to_be_hidden()


def test_the_search_opens_by_a_button_on_a_phone(tab: Tab) -> None:
    page = tab.page
    page.set_viewport_size(NARROW)
    tab.go("/admin/")

    page.get_by_role("button", name="Find").click()
    dialog = page.get_by_role("dialog", name="Search everything")
    expect(dialog).to_be_visible()
    assert tab.too_wide() == []
    assert tab.against_access() == []
    dialog.get_by_role("searchbox").fill("siti")
    dialog.get_by_role("button", name="Search").click()

    expect(page.get_by_role("heading", name="Search", level=1)).to_be_visible()


@pytest.mark.parametrize("way", ["retry", "refund"])
def test_who_paid_and_has_no_instance_is_helped_in_four_steps(tab: Tab, failed: str, way: str) -> None:
    page, steps = tab.page, []

    def step(act: Callable[[], None]) -> None:
        steps.append(act)
        act()

    tab.go("/admin/")
    matter = page.locator("article", has_text="could not be started")
    step(matter.get_by_role("link", name="Siti Rahma").first.click)
    # The first page has such an article too.
    expect(page.get_by_role("heading", level=1)).to_have_text("Siti Rahma")
    need = page.locator("article", has_text="could not be started")
    expect(need).to_contain_text("The image could not be pulled.")
    if way == "retry":
        step(need.get_by_role("button", name="Retry").click)
        expect(page.locator("#outcomes")).to_contain_text("is being tried again")
        expect(page.locator("article", has_text="could not be started")).to_have_count(0)
    else:
        step(need.get_by_role("link", name="Refund or cancel").click)
        step(page.get_by_role("button", name="Refund", exact=True).click)
        dialog = page.get_by_role("dialog", name="Give back")
        dialog.get_by_label("Amount").fill("1000")
        dialog.get_by_label("Reason").fill("It could not be started.")
        step(dialog.get_by_role("button", name="Give back").click)
        expect(page.locator("#outcomes")).to_contain_text("was given back")

    assert len(steps) <= 4
    assert tab.wrongs + tab.forbidden() == []


def test_looking_as_a_customer_says_so_on_every_page_until_it_is_ended(tab: Tab, scene: Scene) -> None:
    page = tab.page
    tab.go(f"/admin/customers/{scene.customer.id}")

    page.get_by_role("button", name="See as customer").click()
    dialog = page.get_by_role("dialog", name="See what Siti Rahma sees?")
    dialog.get_by_label("Reason").fill("The customer says that an invoice is missing.")
    dialog.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What Siti Rahma sees")
    page.get_by_role("link", name="Wallet").click()
    expect(page.locator("#section")).to_contain_text("creditBalance")
    page.get_by_role("button", name="Open the customer's pages").click()
    page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    expect(page.locator("main")).to_contain_text("view-")
    assert tab.against_access() == []

    tab.go("/admin/nodes")
    page.set_viewport_size(NARROW)
    expect(page.get_by_text("You look as")).to_be_visible()
    assert tab.too_wide() == []
    page.get_by_role("button", name="End it now").click()
    expect(page).to_have_url(re.compile(rf"/admin/customers/{scene.customer.id}$"))
    expect(page.get_by_text("You look as")).to_have_count(0)
    assert tab.wrongs + tab.forbidden() == []
