"""The administrator of a demo: calls the API for staff, and reads and presses what the pages of /admin show."""

import html
import re
from typing import Any
from urllib.parse import urljoin

import requests

from minispod.local.forms import Form, forms_of
from minispod.local.shopper import SECONDS, Shopper, Unexpected, web_session
from minispod.local.surroundings import Surroundings
from minispod.local.timeline import StoryStopped

# As `flask seed-demo` opens it, for everybody to read.
EMAIL, PASSWORD = "admin@minispod.com", "password"
# What is said of an act, not what a page says of the state of things.
_MESSAGE = re.compile(r'<div class="outcome">\s*<p class="message (good|warn|bad)">(.*?)</p>', re.DOTALL)


class Office:
    """One administrator, with a token for the API and a session for the pages."""

    def __init__(self, around: Surroundings) -> None:
        self._web = around.web
        self._api = Shopper(around)
        self._session = web_session()

    def sign_in(self) -> None:
        """Come in by both doors."""
        self._api.keep(self._api.call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD}))
        self.press("/admin/login", "/admin/login", email=EMAIL, password=PASSWORD)

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Call the API for staff and return `data`."""
        return self._api.call(method, "/admin" + path, body, status=status)

    def refused(self, method: str, path: str, body: Any = None, *, status: int, code: str) -> str:
        """Be refused by the API for staff with this status and code, and return its sentence."""
        return self._api.refused(method, "/admin" + path, body, status=status, code=code)

    def read(self, path: str) -> str:
        """The HTML of a page."""
        answer = self._send("GET", path)
        if answer.status_code != 200:
            raise Unexpected("GET", path, 200, answer)
        return answer.text

    def press(self, path: str, action: str, **typed: str) -> str:
        """Send the form of a page that leads to `action`, filled in; what is said afterwards. A refusal stops."""
        form = _form_to(action, self.read(path), path)
        answer = self._send("POST", action, {**form.fields, **typed}, came_from=path)
        if answer.status_code != 303:
            raise Unexpected("POST", action, 303, answer)
        tone, said = _said(self.read(urljoin(action, answer.headers["Location"])))
        if tone == "bad":
            raise StoryStopped(f"The page {path} says: {said}")
        return said

    def _send(
        self, method: str, path: str, fields: dict[str, str] | None = None, came_from: str = ""
    ) -> requests.Response:
        headers = {"Referer": self._web + came_from} if came_from else {}
        try:
            return self._session.request(
                method, self._web + path, data=fields, headers=headers, allow_redirects=False, timeout=SECONDS
            )
        except requests.RequestException as error:
            raise StoryStopped(f"{method} {path} got no answer: {type(error).__name__}") from None


def _said(page: str) -> tuple[str, str]:
    """The first message of a page with its tone; two empty texts when there is none."""
    found = _MESSAGE.search(page)
    return (found[1], html.unescape(found[2])) if found else ("", "")


def _form_to(action: str, page: str, path: str) -> Form:
    for form in forms_of(page):
        if form.action == action:
            return form
    raise StoryStopped(f"The page {path} has no form that leads to {action}.")
