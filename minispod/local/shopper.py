"""A customer at the keyboard: calls the public API, opens pages and addresses. Knows HTTP, nothing of MinisPod.

An answer that is not the expected one raises Unexpected, which tells request and answer in full.
"""

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from minispod.local.surroundings import Surroundings
from minispod.local.timeline import StoryStopped

SECONDS = 40.0
_SHOWN = 800
_REDIRECTS = 5


class Unexpected(StoryStopped):
    """The answer was another one."""

    def __init__(self, method: str, url: str, wanted: object, answer: requests.Response) -> None:
        text = answer.text[:_SHOWN]
        super().__init__(f"{method} {url} should answer {wanted}, but answered {answer.status_code}:\n{text}")


def web_session() -> requests.Session:
    """A session that asks no proxy: everything here is near."""
    session = requests.Session()
    session.trust_env = False
    return session


class Shopper:
    """One customer with one access token."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._session = web_session()
        self.access_token = ""
        self.refresh_token = ""

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Call the API and return `data`; raises Unexpected for another status."""
        answer = self.send(method, path, body)
        if answer.status_code != status:
            raise Unexpected(method, path, status, answer)
        envelope = _json_of(method, path, answer)
        return envelope.get("data")

    def refused(
        self, method: str, path: str, body: Any = None, *, status: int, code: str | None = None
    ) -> str:
        """Call the API, be refused with this status and code, and return its sentence."""
        answer = self.send(method, path, body)
        if answer.status_code != status:
            raise Unexpected(method, path, status, answer)
        envelope = _json_of(method, path, answer)
        if envelope.get("success") is not False or (code and envelope.get("code") != code):
            raise Unexpected(method, path, f"{status} with code {code}", answer)
        return str(envelope.get("message"))

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """One request, as the front end sends it."""
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        url = self._around.web + ("/api/v1" + path if path not in ("/readyz", "/livez") else path)
        try:
            return self._session.request(method, url, json=body, headers=headers, timeout=SECONDS)
        except requests.RequestException as error:
            raise StoryStopped(f"{method} {url} got no answer: {type(error).__name__}") from None

    def visit(self, url: str) -> requests.Response | None:
        """Open a public address as a browser would, wherever its host is to be found; None: nobody answers."""
        address = self._around.address_of(url)
        for _ in range(_REDIRECTS):
            parts = urlsplit(url)
            target = f"{parts.scheme}://{address}{parts.path or '/'}" + (
                f"?{parts.query}" if parts.query else ""
            )
            try:
                answer = self._session.get(
                    target, headers={"Host": parts.netloc}, allow_redirects=False, timeout=SECONDS
                )
            except requests.RequestException:
                return None
            if not answer.is_redirect:
                return answer
            url = urljoin(url, answer.headers["Location"])
        return answer

    def keep(self, data: dict[str, Any]) -> None:
        """Use the tokens of an answer from now on."""
        self.access_token, self.refresh_token = data["accessToken"], data["refreshToken"]


def _json_of(method: str, path: str, answer: requests.Response) -> dict[str, Any]:
    try:
        envelope = answer.json()
    except json.JSONDecodeError:
        raise Unexpected(method, path, "JSON", answer) from None
    if not isinstance(envelope, dict):
        raise Unexpected(method, path, "an envelope", answer)
    return envelope
