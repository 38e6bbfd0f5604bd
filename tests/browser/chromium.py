"""A real browser: Debian's chromium driven by Playwright, and a page that keeps everything that went wrong on it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    Request,
    Response,
    Route,
    expect,
)

NOT_FOUND = (
    "chromium is not on the PATH; `make chromium` installs it (on Debian and Ubuntu: apt install chromium)"
)
PATIENCE_MS = 60_000
# For every module of this folder, also when it runs alone.
expect.set_options(timeout=PATIENCE_MS)
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# Before anything else on the page: what its policy forbids is no console error everywhere.
_WATCH = """window.forbidden = [];
document.addEventListener("securitypolicyviolation",
  (event) => window.forbidden.push(`${event.effectiveDirective}: ${event.blockedURI}`));"""
_ASK_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.flatMap((each) =>
  each.nodes.map(({html, any}) =>
    `${each.id}: ${html.slice(0, 160)} (${any.map((one) => one.message).join("; ").slice(0, 200)})`)))"""
_TOO_WIDE = """() => document.documentElement.scrollWidth <= window.innerWidth ? [] : [
  `scrolls sideways: ${document.documentElement.scrollWidth} px`,
  ...[...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > window.innerWidth + 1)
    .slice(0, 5).map((each) => each.outerHTML.slice(0, 120))]"""


def launch(playwright: Playwright) -> Browser:
    """Start the browser; say what is missing when there is none."""
    path = shutil.which("chromium")
    assert path is not None, NOT_FOUND
    return playwright.chromium.launch(executable_path=path, args=list(_FLAGS), timeout=PATIENCE_MS)


@dataclass
class Tab:
    """One page of the browser; `wrongs` has what the console, the network and the policy complained of."""

    page: Page
    wrongs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(_WATCH)
        self.page.on(
            "console", lambda said: said.type in ("error", "warning") and self._note(f"console: {said.text}")
        )
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("requestfailed", self._request_failed)
        self.page.on("response", self._answered)

    def go(self, path: str) -> Response:
        """Open an address and wait until everything it asks for is there."""
        answer = self.page.goto(path, wait_until="load")
        self.settle()
        assert answer is not None
        return answer

    def settle(self) -> None:
        """Wait until the page is loaded, with its scripts, and htmx has put everything in its place."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_function(
            "() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')"
        )

    def keep_parts_still(self) -> None:
        """Parts that refresh themselves get no answer from now on: what they ask is no step of the test."""

        def hold(route: Route) -> None:
            if route.request.headers.get("x-refresh") != "auto":
                route.fallback()

        self.page.route("**", hold)

    def press_twice(self, wanted: Locator) -> None:
        """Double-click; what the first click sends waits for the second, which a fast answer would be before."""
        held: list[Route] = []

        def hold(route: Route) -> None:
            if route.request.method == "POST":
                held.append(route)
            else:
                route.fallback()

        self.page.route("**", hold)
        with self.page.expect_request(lambda request: request.method == "POST"):
            wanted.dblclick()
        for each in held:
            each.continue_()
        self.page.unroute("**", hold)

    def forbidden(self) -> list[str]:
        """What the page's policy kept from happening."""
        found: list[str] = self.page.evaluate("() => window.forbidden")
        return [f"policy: {each}" for each in found]

    def too_wide(self) -> list[str]:
        """What sticks out, when the page scrolls sideways."""
        found: list[str] = self.page.evaluate(_TOO_WIDE)
        return found

    def against_access(self) -> list[str]:
        """What axe finds: one line for each element."""
        if not self.page.evaluate("() => 'axe' in window"):
            # Given to the page by the debugger: the page's policy stays as it is.
            self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(_ASK_AXE)
        return found

    def _note(self, wrong: str) -> None:
        self.wrongs.append(wrong)

    def _request_failed(self, request: Request) -> None:
        # A page that is left ends what it was still asking for; that is no fault of the page.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"request: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"answer: {response.status} {response.url}")


@contextmanager
def open_tab(browser: Browser, url: str, cookie: str | None = None) -> Iterator[Tab]:
    """A fresh profile with one page in it, signed in where a cookie is given."""
    context: BrowserContext = browser.new_context(
        base_url=url, viewport=WIDE, color_scheme="light", reduced_motion="reduce"
    )
    if cookie is not None:
        context.add_cookies([{"name": "minispod_admin", "value": cookie, "url": f"{url}/admin"}])
    try:
        yield Tab(context.new_page())
    finally:
        context.close()
