"""The official client on a leash: time budget, no redirects, bounded answers, errors in our own words.

midtransclient has no timeout of its own, follows redirects (turning POST into GET) and puts the
Authorization header into its exceptions. Invariant: nothing but our refusals leaves a `Line`, they
come in time, and they carry neither the library's exception nor its text.
"""

import io
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import structlog
import urllib3
from midtransclient import CoreApi, MidtransAPIError, Snap

from minispod.kernel.unit_of_work import refuse_inside_unit_of_work
from minispod.payments.gateway import GatewayRejected, GatewayUnavailable

log = structlog.get_logger(__name__)

_ANSWER_LIMIT = 256 * 1024
_CHUNK = 16 * 1024
_CONNECT_SECONDS = 2.0
_SHOWN_TEXT = 200
# What the HTTP calls may use of the time; the rest is for noticing that they did not keep to it.
_OWN_SHARE = 0.95

# Answers that say "not now" or "our own set-up is wrong": nothing the customer's request could mend.
_OUR_TROUBLE = {401, 402, 403, 405, 408, 429}

Answer = Mapping[str, Any]


class AnswerUnusable(Exception):
    """The answer is too long, too slow or a redirect."""


class BoundedSession(requests.Session):
    """A session whose calls end within `budget_seconds` and never go anywhere but where they were sent."""

    def __init__(self) -> None:
        super().__init__()
        # Proxies and netrc of the machine must not get to see the key.
        self.trust_env = False
        self.budget_seconds = 10.0

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request; the answer is read whole, inside the budget, or not at all."""
        ends_at = time.monotonic() + self.budget_seconds
        connect = min(_CONNECT_SECONDS, self.budget_seconds / 2)
        kwargs["timeout"] = urllib3.Timeout(connect=connect, total=self.budget_seconds)
        kwargs["allow_redirects"] = False
        kwargs["stream"] = True
        response = super().request(*args, **kwargs)
        try:
            if 300 <= response.status_code < 400:
                raise AnswerUnusable("redirect")
            response.raw = io.BytesIO(_read(response, ends_at))
        except BaseException:
            response.close()
            raise
        return response


def _read(response: requests.Response, ends_at: float) -> bytes:
    collected = bytearray()
    for chunk in response.raw.stream(_CHUNK, decode_content=True):
        collected += chunk
        if len(collected) > _ANSWER_LIMIT:
            raise AnswerUnusable("too long")
        if time.monotonic() > ends_at:
            raise AnswerUnusable("too slow")
    return bytes(collected)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose account, and where it is served."""

    server_key: str = field(repr=False)
    client_key: str
    is_production: bool
    snap_url: str
    core_url: str


@dataclass(frozen=True, slots=True)
class _Clients:
    session: BoundedSession
    snap: Any
    core: Any


class Line:
    """Conversations with one account. Safe between threads: each conversation has its clients to itself."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._idle: deque[_Clients] = deque()

    def snap(self, call: Callable[[Any], Any], *, seconds: float) -> Answer:
        """Ask the Snap API something; the answer or a refusal comes within `seconds`."""
        return self._ask(lambda clients: call(clients.snap), seconds)

    def core(self, call: Callable[[Any], Any], *, seconds: float) -> Answer:
        """Ask the Core API something about a transaction; in time, as above."""
        return self._ask(lambda clients: call(clients.core.transactions), seconds)

    def close(self) -> None:
        """Hang up where nobody is talking; the next question connects anew."""
        while self._idle:
            self._idle.pop().session.close()

    def _ask(self, call: Callable[[_Clients], Any], seconds: float) -> Answer:
        refuse_inside_unit_of_work()
        try:
            clients = self._idle.pop()
        except IndexError:
            clients = _connected(self._account)
        clients.session.budget_seconds = seconds * _OWN_SHARE
        talk = _Talk(clients, call)
        if not talk.ended_within(seconds):
            raise _unavailable("timeout")
        self._idle.append(clients)
        if talk.refusal is not None:
            raise talk.refusal
        return talk.answer


class _Talk:
    """One conversation in a thread of its own, because name resolution and a dripping peer know no timeout.

    One that takes too long is left alone and closes its connections when it ends at last.
    """

    def __init__(self, clients: _Clients, call: Callable[[_Clients], Any]) -> None:
        self._clients, self._call = clients, call
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._is_abandoned = False
        self.answer: Answer = {}
        self.refusal: GatewayRejected | GatewayUnavailable | None = None
        threading.Thread(target=self._run, name="midtrans", daemon=True).start()

    def ended_within(self, seconds: float) -> bool:
        """Wait; one that has not ended is abandoned for good."""
        if self._ended.wait(seconds):
            return True
        with self._lock:
            self._is_abandoned = not self._ended.is_set()
            return not self._is_abandoned

    def _run(self) -> None:
        try:
            answer = self._call(self._clients)
        except MidtransAPIError as error:
            self.refusal = _from_api_error(error)
        except Exception as error:  # noqa: BLE001 - the fence: the library lets anything through
            self.refusal = _unavailable(_reason(error))
        else:
            if isinstance(answer, dict):
                self.answer = answer
            else:
                self.refusal = _unavailable("not_an_object")
        with self._lock:
            self._ended.set()
            if self._is_abandoned:
                self._clients.session.close()


def _connected(account: Account) -> _Clients:
    session = BoundedSession()
    made = []
    for kind in (Snap, CoreApi):
        # Fresh dictionaries: the library shares its default ones between all instances.
        client = kind(account.is_production, account.server_key, account.client_key, {}, {})
        _point_at(client.api_config, account)
        client.http_client.http_client = session
        made.append(client)
    return _Clients(session, *made)


def _point_at(config: Any, account: Account) -> None:
    kind = "PRODUCTION" if account.is_production else "SANDBOX"
    setattr(config, f"SNAP_{kind}_BASE_URL", account.snap_url)
    setattr(config, f"CORE_{kind}_BASE_URL", account.core_url)


def _from_api_error(error: Any) -> GatewayRejected | GatewayUnavailable:
    """Business errors come as HTTP status or, under HTTP 200, as the body's `status_code`."""
    body = error.api_response_dict if isinstance(error.api_response_dict, dict) else {}
    code = error.http_status_code
    inner = body.get("status_code")
    if isinstance(inner, str) and inner.isascii() and inner.isdigit() and len(inner) == 3:
        code = int(inner)
    if code >= 500 or code in _OUR_TROUBLE:
        return _unavailable(f"code_{code}")
    if code != 404:  # nothing known yet is an everyday answer
        log.info("gateway.rejected", gateway_code=code, said=_said(body))
    return GatewayRejected(gatewayCode=str(code))


def _unavailable(reason: str) -> GatewayUnavailable:
    log.warning("gateway.unavailable", reason=reason)
    return GatewayUnavailable(reason=reason)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
        return "timeout"
    if isinstance(error, requests.exceptions.ConnectionError | urllib3.exceptions.HTTPError):
        return "connection"
    if isinstance(error, AnswerUnusable):
        return str(error).replace(" ", "_")
    return "unreadable_answer"


def _said(body: Mapping[str, Any]) -> str:
    said = body.get("status_message") or body.get("error_messages") or ""
    return str(said)[:_SHOWN_TEXT]
