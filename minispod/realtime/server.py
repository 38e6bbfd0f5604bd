"""Put the Socket.IO door onto an application: /socket.io/ with the namespaces /k8s-logs and /status.

One process serves all clients (long polling needs that), one thread per connection; therefore the
connections are bounded, and with SERVE_REALTIME off nothing of this is loaded into a web process.
"""

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
from minispod.settings import Settings

log = structlog.get_logger()

PATH = "/socket.io/"


def attach(app: Flask) -> None:
    """Have `app` answer /socket.io/ too."""
    settings: Settings = app.extensions["minispod.settings"]
    socketio = SocketIO(
        app,
        async_mode="threading",
        manage_session=False,
        cors_allowed_origins=_Origins(settings),
    )
    # A crash while somebody connects is a refusal for the client and a trace for us.
    socketio.on_error_default(_refuse)
    wire = Wire(socketio)
    logs = Presence(per_account=pod_logs.PER_ACCOUNT, in_all=pod_logs.IN_ALL)
    listeners = Presence(per_account=status.PER_ACCOUNT, in_all=status.IN_ALL)
    rounds = Rounds(app, wire, StatusBoard(wire, listeners), (logs, listeners))
    socketio.on_namespace(LogsNamespace(wire, logs, rounds))
    socketio.on_namespace(StatusNamespace(listeners, rounds))
    app.wsgi_app = _Gate(app.wsgi_app, wire, settings.operation.realtime_connections)  # type: ignore[method-assign]


def _refuse(error: Exception) -> bool:
    log.error("realtime.crashed", exc_info=error)
    return False


class _Origins:
    """Which pages may connect: our own, and those of the configured front ends."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = {*settings.web.cors_origins, settings.own_url}

    def __call__(self, origin: str | None, environ: dict[str, Any]) -> bool:
        if origin is None:
            return True
        return origin in self._allowed or urlsplit(origin).netloc == environ.get("HTTP_HOST")


class _Gate:
    """Answers 503 to a new connection when there are enough, so that threads are left for the others."""

    def __init__(self, inner: Any, wire: Wire, most: int) -> None:
        self._inner = inner
        self._wire = wire
        self._most = most

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        is_ours = environ.get("PATH_INFO", "").startswith(PATH)
        is_new = is_ours and "sid" not in parse_qs(environ.get("QUERY_STRING", ""))
        if is_new and self._wire.connections >= self._most:
            log.warning("realtime.full", connections=self._wire.connections)
            start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "10")])
            return [b"Too many live connections. Please try again in a moment."]
        answer: Iterable[bytes] = self._inner(environ, start_response)
        return answer
