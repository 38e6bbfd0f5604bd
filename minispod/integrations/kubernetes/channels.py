"""A WebSocket to the Kubernetes API with numbered channels, as commands in containers speak it.

Of the official package only the way to addresses, certificates and tokens is used: its own reader collects whatever
arrives without a bound, and cannot tell a connection that was cut from one that ended.
"""

import select
import ssl
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

STDIN, STDOUT, STDERR, STATUS = range(4)
_PROTOCOLS = "v5.channel.k8s.io,v4.channel.k8s.io"
_GLANCE_SECONDS = 0.05

Message = tuple[int, bytes]


class Cut(Exception):
    """The connection could not be made, ended, or was silent too long."""


class NotUpgraded(Exception):
    """The server answered with an HTTP status instead."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body


class Channels:
    """An open connection, for one thread."""

    def __init__(self, wire: Any, silence: float) -> None:
        self._wire = wire
        self._silence = silence

    def receive(self) -> Message:
        """Wait for the next message: its channel and what it says."""
        while (message := self._next(self._silence)) is None:
            pass
        return message

    def arrival_or_room(self) -> Message | None:
        """Wait until a message has arrived (it is returned), or there is room to send (None).

        Sending blindly could wait for ever: the other side may wait for us to take what it has written.
        """
        poll = select.poll()
        poll.register(self._wire.sock, select.POLLIN | select.POLLOUT)
        while True:
            events = poll.poll(self._silence * 1000)
            if not events:
                raise Cut("silence")
            # TLS may have decrypted a message already that the socket knows nothing of.
            pending = isinstance(self._wire.sock, ssl.SSLSocket) and self._wire.sock.pending()
            if pending or events[0][1] & ~select.POLLOUT:
                message = self._next(_GLANCE_SECONDS)
                if message is not None:
                    return message
            if events[0][1] & select.POLLOUT:
                return None

    def send(self, data: bytes) -> None:
        """Send to stdin."""
        from websocket import WebSocketException

        try:
            self._wire.settimeout(self._silence)
            self._wire.send_binary(bytes([STDIN]) + data)
        except (WebSocketException, OSError) as error:
            raise Cut(type(error).__name__) from None

    def close(self) -> None:
        """Let go at once."""
        self._wire.shutdown()

    def _next(self, patience: float) -> Message | None:
        """Take one message; None when there was none to take (a ping, the open channel's empty greeting)."""
        from websocket import ABNF, WebSocketException, WebSocketTimeoutException

        try:
            self._wire.settimeout(patience)
            opcode, frame = self._wire.recv_data_frame(True)
        except WebSocketTimeoutException:
            if patience < self._silence:
                return None  # the rest of a message is on its way; what came of it is kept
            raise Cut("silence") from None
        except (WebSocketException, OSError, ValueError) as error:
            raise Cut(type(error).__name__) from None
        if opcode == ABNF.OPCODE_CLOSE:
            raise Cut("closed")
        if opcode not in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) or len(frame.data) < 2:
            return None
        return frame.data[0], frame.data[1:]


def open_channels(
    api: Any, path: str, query: Sequence[tuple[str, str]], *, answer_seconds: float, silence: float
) -> Channels:
    """Upgrade a GET request to a WebSocket; Cut or NotUpgraded when that fails."""
    from kubernetes.stream.ws_client import websocket_proxycare
    from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

    _, url, headers, *_ = api.param_serialize("GET", path, header_params={}, auth_settings=["BearerToken"])
    sent = [f"{name}: {value}" for name, value in headers.items() if name.lower() == "authorization"]
    options = {"header": [*sent, f"Sec-WebSocket-Protocol: {_PROTOCOLS}"], "timeout": answer_seconds}
    through_a_proxy: Callable[..., dict[str, Any]] = websocket_proxycare
    if api.configuration.proxy:
        options = through_a_proxy(options, api.configuration, url, headers)
    wire: Any = WebSocket(sslopt=_tls(api.configuration), enable_multithread=False)
    try:
        wire.connect(f"{url.replace('http', 'ws', 1)}?{urlencode(query)}", **options)
    except WebSocketBadStatusException as refusal:
        body = (refusal.resp_body or b"").decode("utf-8", "replace")
        raise NotUpgraded(refusal.status_code, body) from None
    except (WebSocketException, OSError, ValueError) as error:
        raise Cut(type(error).__name__) from None
    return Channels(wire, silence)


def _tls(settings: Any) -> dict[str, Any]:
    """The same trust and the same certificate of our own as for every other request."""
    from certifi import where

    options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE}
    if settings.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": settings.ssl_ca_cert or where()}
        if settings.assert_hostname is not None:
            options["check_hostname"] = settings.assert_hostname
    named = {
        "certfile": settings.cert_file,
        "keyfile": settings.key_file,
        "server_hostname": settings.tls_server_name,
    }
    return options | {name: value for name, value in named.items() if value}
