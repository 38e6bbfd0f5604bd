"""Put the Socket.IO door onto an application: /socket.io/ with the namespaces /k8s-logs and /status.

One process serves all clients (long polling needs that), one thread per connection; therefore the
connections are bounded, and with SERVE_REALTIME off nothing of this is loaded into a web process.
"""

import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from flask import Flask
from flask_socketio import SocketIO

from minispod.realtime import pod_logs, status
from minispod.realtime.pod_logs import LogsNamespace
from minispod.realtime.presence import Presence
from minispod.realtime.rounds import Rounds
from minispod.realtime.status import StatusNamespace
from minispod.realtime.status_board import StatusBoard
from minispod.realtime.wire import Wire
from minispod.settings import Settings, origins

log = structlog.get_logger()

PATH = "/socket.io/"
# Clients say who they are as soon as they are connected.
STRANGER_SECONDS = 10.0

_READABLE = "Access-Control-Allow-Origin"
_FULL = "Too many live connections. Please try again in a moment."
_OVERLAP = "This connection is being listened to already."
_GONE = "This connection has ended."


def attach(app: Flask) -> None:
    """Have `app` answer /socket.io/ too."""
    settings: Settings = app.extensions["minispod.settings"]
    origins = _Origins(settings)
    socketio = SocketIO(app, async_mode="threading", manage_session=False, cors_allowed_origins=origins)
    # A crash while somebody connects is a refusal for the client and a trace for us.
    socketio.on_error_default(_refuse)
    wire = Wire(socketio)
    logs = Presence(per_account=pod_logs.PER_ACCOUNT, in_all=pod_logs.IN_ALL)
    listeners = Presence(per_account=status.PER_ACCOUNT, in_all=status.IN_ALL)
    rounds = Rounds(app, wire, StatusBoard(wire, listeners), (logs, listeners))
    socketio.on_namespace(LogsNamespace(wire, logs, rounds))
    socketio.on_namespace(StatusNamespace(listeners, rounds))
    most = settings.operation.realtime_connections
    app.wsgi_app = _Gate(app.wsgi_app, wire, origins, most)  # type: ignore[method-assign]


def _refuse(error: Exception) -> bool:
    log.error("realtime.crashed", exc_info=error)
    return False


class _Origins:
    """Which pages may connect: our own, and those of the configured front ends."""

    def __init__(self, settings: Settings) -> None:
        self._own_url = settings.own_url
        self._allowed = origins.patterns(settings.web.cors_origins)

    def __call__(self, origin: str | None, environ: dict[str, Any]) -> bool:
        if origin is None:
            return True
        try:
            is_ours = origin == self._own_url or urlsplit(origin).netloc == environ.get("HTTP_HOST")
        except ValueError:
            return False
        return is_ours or any(each.match(origin) for each in self._allowed)


class _Gate:
    """Keeps threads for the others: a bounded number of connections, and of each one request at a time.

    What it or the library refuses may be read by the pages that may connect: without that, a browser tells them
    only that the network failed.
    """

    def __init__(self, inner: Any, wire: Wire, origins: _Origins, most: int) -> None:
        self._inner = inner
        self._wire = wire
        self._origins = origins
        self._most = most
        self._waiting: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(PATH):
            return self._pass_on(environ, start_response)
        start_response = self._readable(environ, start_response)
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return self._pass_on(environ, start_response)
        query = parse_qs(environ.get("QUERY_STRING", ""))
        sid, transport = (query.get(name, [""])[0] for name in ("sid", "transport"))
        if not sid:
            self._wire.dismiss_strangers(STRANGER_SECONDS)
            if self._wire.connections >= self._most:
                log.warning("realtime.full", connections=self._wire.connections)
                return _refusal(start_response, "503 Service Unavailable", _FULL, ("Retry-After", "10"))
            return self._pass_on(environ, start_response)
        if environ["REQUEST_METHOD"] != "GET":
            return self._pass_on(environ, start_response)
        return self._wait(environ, start_response, (sid, transport))

    def _readable(self, environ: dict[str, Any], start_response: Any) -> Any:
        """`start_response` that lets the page which asks read the answer, if it is one of ours."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not self._origins(origin, environ):
            return start_response

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if not any(name.lower() == _READABLE.lower() for name, _ in headers):
                headers = [*headers, (_READABLE, origin), ("Vary", "Origin")]
            return start_response(status, headers, *more)

        return start

    def _wait(self, environ: dict[str, Any], start_response: Any, who: tuple[str, str]) -> Iterable[bytes]:
        """A GET of a connection holds its thread until there is something to say; one is enough."""
        with self._lock:
            if who in self._waiting:
                return _refusal(start_response, "400 Bad Request", _OVERLAP)
            self._waiting.add(who)
        try:
            return self._pass_on(environ, start_response)
        except KeyError:  # the library's answer to a connection that ends at this moment
            return _refusal(start_response, "400 Bad Request", _GONE)
        finally:
            with self._lock:
                self._waiting.discard(who)

    def _pass_on(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._inner(environ, start_response)
        return answer


def _refusal(start_response: Any, status: str, sentence: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), *headers])
    return [sentence.encode()]
