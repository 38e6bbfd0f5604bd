"""One tab of a browser with the front end in it: asks as its pages do, from another origin, and reads as they read.

Every answer must be one the browser hands to the page: preflighted, never redirected, with CORS headers, and JSON.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import requests
import socketio
import yaml
from requests.adapters import HTTPAdapter

from tests.scenarios.front_end import reading

ORIGIN = "http://localhost:3100"
SECONDS = 120.0
CALLS: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    files(__package__).joinpath("calls.yaml").read_text(encoding="utf-8")
)
NO_BODY: Any = object()


class Refused(Exception):
    """The page shows an error toast with this sentence."""

    def __init__(self, name: str, answer: requests.Response) -> None:
        self.status, self.message = answer.status_code, answer.json()["message"]
        super().__init__(f"{name}: {self.status} {self.message}")


class Tab:
    """A visitor; `sign_in` makes it somebody's."""

    def __init__(self, api: str, origin: str = ORIGIN) -> None:
        self.api, self._origin = api, origin
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_maxsize=32))
        self._token = ""
        self._preflighted: set[tuple[str, str]] = set()
        self.called: set[str] = set()

    def sign_in(self, name: str, **body: str) -> dict[str, Any]:
        """Sign in by e-mail or by Google, and remember the token as the session cookie does."""
        data: dict[str, Any] = self.call(name, body)
        self._token = data["accessToken"]
        cookie = str(
            {key: data["user"].get(key) for key in ("id", "name", "email", "phone", "avatar", "role")}
        )
        assert (
            len(cookie + data["accessToken"] + data["refreshToken"]) < 2_500
        )  # encrypted it must fit into 4 kB
        return data

    def call(self, name: str, body: Any = NO_BODY, **ids: str | int) -> Any:
        """Ask, check what is read, and return `data`; raise Refused where the page shows an error."""
        answer = self._ask(name, body, **ids)
        said = answer.json()
        assert said["message"], said
        if not answer.ok:
            assert said["success"] is False, said
            raise Refused(name, answer)
        wanted = {CALLS[name].get("status", 200), *([202] if CALLS[name].get("waits") else [])}
        assert said["success"] is True, said
        assert answer.status_code in wanted, said
        reading.check(said.get("data"), CALLS[name].get("reads", ""))
        return said.get("data")

    def load(self, *names: str, **ids: str | int) -> list[Any]:
        """Open a page: all that it reads, at once, and everything twice, as React's strict mode does."""
        with ThreadPoolExecutor(2 * len(names)) as pool:
            asked = [pool.submit(self.call, name, **ids) for name in (*names, *names)]
            return [each.result() for each in asked[: len(names)] + asked[len(names) :]][: len(names)]

    def refused(self, name: str, body: Any = NO_BODY, **ids: str | int) -> str:
        """Be shown an error; its sentence."""
        try:
            data = self.call(name, body, **ids)
        except Refused as refusal:
            if refusal.status >= 500:
                raise
            return str(refusal.message)
        raise AssertionError(f"{name} should have been refused, but answered {data}")

    def poll(
        self, name: str, until: Callable[[Any], bool], *, within: float, every: float = 0.5, **ids: str
    ) -> Any:
        """Ask again and again, as the dialogs do, until the page is content."""
        deadline = time.monotonic() + within
        while not until(data := self.call(name, **ids)):
            assert time.monotonic() < deadline, f"{name} is still {data}"
            time.sleep(every)
        return data

    def follow_log(self, subscription_id: str, lines: int) -> list[Any]:
        """Open the live log, hear so many lines, and hang up; transports and handshake as in the page."""
        heard: list[Any] = []
        client = socketio.SimpleClient()
        try:
            client.connect(
                self.api,
                headers={"Origin": self._origin},
                auth={"token": self._token, "subscriptionId": subscription_id},
                namespace="/k8s-logs",
                transports=["polling", "websocket"],
            )
            while len(heard) < lines:
                event, *payload = client.receive(timeout=SECONDS)
                assert event != "log-error", payload
                if event == "log-data":
                    heard += payload
        finally:
            client.disconnect()
        return heard

    def _ask(self, name: str, body: Any, **ids: str | int) -> requests.Response:
        call = CALLS[name]
        self.called.add(name)
        method, _, path = call["ask"].partition(" ")
        path = path.format_map(
            {key: str(value) if key == "more" else quote(str(value)) for key, value in ids.items()}
        )
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if not call.get("plain"):
            headers["Content-Type"] = "application/json"
        if call.get("server"):  # asked by Next.js itself
            return self._send(method, path, headers, body)
        self._preflight(method, path.partition("?")[0], headers)
        answer = self._send(method, path, {**headers, "Origin": self._origin}, body)
        assert answer.headers.get("Access-Control-Allow-Origin") == self._origin, (name, answer.headers)
        return answer

    def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> requests.Response:
        sent = {} if body is NO_BODY else {"json": body}
        answer = self._session.request(
            method, self.api + path, headers=headers, allow_redirects=False, timeout=SECONDS, **sent
        )
        assert not 300 <= answer.status_code < 400, (path, answer.headers.get("Location"))
        return answer

    def _preflight(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        if (method, path) in self._preflighted:  # the browser remembers, too
            return
        asked = {
            "Origin": self._origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ",".join(sorted(each.lower() for each in headers)),
        }
        answer = self._session.options(self.api + path, headers=asked, allow_redirects=False, timeout=SECONDS)
        said = answer.headers
        assert answer.ok, (path, answer.status_code)
        assert said["Access-Control-Allow-Origin"] == self._origin
        assert method in said["Access-Control-Allow-Methods"]
        allowed = {each.strip().lower() for each in said["Access-Control-Allow-Headers"].split(",")}
        assert {each.lower() for each in headers} <= allowed
        self._preflighted.add((method, path))
