"""A minimal Socket.IO client over long polling: enough to hear what a page would hear."""

import json
import time
from typing import Any

import requests

from minispod.local.shopper import SECONDS, web_session
from minispod.local.timeline import StoryStopped

_SEPARATOR = "\x1e"
_PING, _PONG, _CONNECT, _EVENT, _REFUSED = "2", "3", "40", "42", "44"


class LiveView:
    """One connection to one namespace."""

    def __init__(self, web: str, namespace: str, auth: dict[str, str]) -> None:
        self._session = web_session()
        self._namespace = namespace
        self._url = f"{web}/socket.io/?EIO=4&transport=polling"
        greeting = self._ask("GET")
        self._url += "&sid=" + str(json.loads(greeting.removeprefix("0"))["sid"])
        self._ask("POST", f"{_CONNECT}{namespace},{json.dumps(auth)}")

    def hear(self, event: str, *, within: float, **about: str) -> Any:
        """The payload of the next such event that says `about`; raises StoryStopped when none comes."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for packet in self._ask("GET").split(_SEPARATOR):
                if packet == _PING:
                    self._ask("POST", _PONG)
                head, _, body = packet.partition(",")
                if head == f"{_REFUSED}{self._namespace}":
                    raise StoryStopped(f"{self._namespace} refused us: {body}")
                if head == f"{_EVENT}{self._namespace}":
                    name, payload = json.loads(body)
                    if name == event and (not about or about.items() <= payload.items()):
                        return payload
        raise StoryStopped(f"{self._namespace} sent no {event} within {within:.0f} s.")

    def leave(self) -> None:
        """Say good-bye."""
        self._ask("POST", "1")

    def _ask(self, method: str, packet: str | None = None) -> str:
        try:
            answer = self._session.request(method, self._url, data=packet, timeout=SECONDS)
        except requests.RequestException as error:
            raise StoryStopped(f"/socket.io/ got no answer: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise StoryStopped(f"/socket.io/ answered {answer.status_code}: {answer.text[:200]}")
        return answer.content.decode("utf-8")
