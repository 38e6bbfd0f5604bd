"""Two ways to do the same task in a browser: with a pointer, whose steps are counted, and with the keyboard alone."""

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import Tab

_FURTHEST = 400
_IS_HERE = "element => element === document.activeElement"


class Hand(Protocol):
    """Whoever does a task. `steps` are clicks, strokes and texts that were written, from the first page on."""

    page: Page
    steps: int

    def press(self, wanted: Locator) -> None:
        """Follow a link, press a button, choose a tab."""

    def write(self, wanted: Locator, text: str) -> None:
        """Put a text in the place of what a field had."""

    def stroke(self, key: str) -> None:
        """Press one key where the keyboard is."""


class _Both:
    """Begins each step on a page that is whole: what is being put in its place may take the keyboard's."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.page, self.steps = tab, tab.page, 0

    def stroke(self, key: str) -> None:
        """Press one key where the keyboard is."""
        self.tab.settle()
        self.steps += 1
        self.page.keyboard.press(key)


class Pointer(_Both):
    """Clicks where it wants to be."""

    def press(self, wanted: Locator) -> None:
        """Click it."""
        self.tab.settle()
        self.steps += 1
        wanted.click()

    def write(self, wanted: Locator, text: str) -> None:
        """Click into the field and write: one step."""
        self.tab.settle()
        self.steps += 1
        wanted.fill(text)


class Keys(_Both):
    """Goes on with Tab, as people without a pointer do; fails where nothing shows the place."""

    def press(self, wanted: Locator) -> None:
        """Go there and press Enter."""
        self._reach(wanted)
        self.steps += 1
        self.page.keyboard.press("Enter")

    def write(self, wanted: Locator, text: str) -> None:
        """Go there, mark what is there and write over it."""
        self._reach(wanted)
        self.steps += 1
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def _reach(self, wanted: Locator) -> None:
        expect(wanted).to_be_visible()
        self.tab.settle()
        for _ in range(_FURTHEST):
            if wanted.evaluate(_IS_HERE):
                assert wanted.evaluate(_IS_SHOWN), "nothing shows where the keyboard is"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard cannot reach {wanted}")


# The focus is drawn by an outline or, around a field, by a border and a shadow: something must differ from no focus.
_IS_SHOWN = """element => {
  const look = () => {
    const style = getComputedStyle(element);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor].join();
  };
  const focused = look();
  element.blur();
  const plain = look();
  element.focus({ focusVisible: true });
  return focused !== plain;
}"""
