"""How a page is reached within the frame that stays, and what the frame then says."""

import re

from playwright.sync_api import Locator, Page, Response

from tests.browser.chromium import Tab

CURRENT = "() => [...document.querySelectorAll('#sections [aria-current=page]')].map((each) => each.pathname)"
"""Which sections the navigation marks, by their addresses."""


def section(page: Page, name: str) -> Locator:
    """The link of the navigation that leads there."""
    return page.get_by_role("navigation", name="Administration").get_by_role(
        "link", name=re.compile(f"^{name}")
    )


def follow(tab: Tab, wanted: Locator) -> str:
    """Click on a page that is whole and wait for the page that is asked for; returns what was answered."""
    tab.settle()  # before its scripts are there, a link loads a whole page
    with tab.page.expect_response(_is_page) as asked:
        wanted.click()
    tab.settle()
    return asked.value.text()


def _is_page(answer: Response) -> bool:
    """Whether this is a page somebody asked for: no part that refreshes itself, and not the way there."""
    request = answer.request
    is_asked_for = request.resource_type == "document" or "hx-boosted" in request.headers
    return is_asked_for and not 300 <= answer.status < 400
