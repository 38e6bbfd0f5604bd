"""How a page is reached within the frame that stays, and what the frame then says."""

import re

from playwright.sync_api import Locator, Page

from tests.browser.chromium import Tab

CURRENT = "() => [...document.querySelectorAll('#sections [aria-current=page]')].map((each) => each.pathname)"
"""Which sections the navigation marks, by their addresses."""


def section(page: Page, name: str) -> Locator:
    """The link of the navigation that leads there."""
    return page.get_by_role("navigation", name="Administration").get_by_role(
        "link", name=re.compile(f"^{name}")
    )


def follow(tab: Tab, wanted: Locator) -> str:
    """Click and wait for the page; returns what was answered."""
    with tab.page.expect_response(
        lambda answer: answer.request.resource_type in ("xhr", "document")
    ) as asked:
        wanted.click()
    tab.settle()
    return asked.value.text()
