"""HTTP/1.1 over TLS or plain sockets, a thread per connection, kept alive; streams go out in chunks.

The server knows nothing of Kubernetes: it turns bytes into a Request, asks its application, and writes the Response.
"""

import contextlib
import socket
import ssl
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeAlias

from minispod.simulator.kubernetes.wire.exchange import Request, Response

Application: TypeAlias = Callable[[Request], Response]
IDLE_SECONDS = 300
HANDSHAKE_SECONDS = 10
LARGEST_BODY = 4 * 1024 * 1024


class Hangup(Exception):
    """The application wants the connection closed without an answer."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "MinisPodSimulator"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    application: ClassVar[Application]

    def handle_any(self) -> None:
        """Answer one request."""
        length = int(self.headers.get("content-length") or 0)
        if length > LARGEST_BODY:
            self._write(Response(413, b"request body too large\n", "text/plain"))
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length) if length else b"")
        try:
            response = type(self).application(request)
        except Hangup:
            self._hang_up()
            return
        except Exception:  # noqa: BLE001 - the fence of the process: a fault of ours is a 500 and a trace
            traceback.print_exc(file=sys.stderr)
            response = Response(
                500, b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":500}\n'
            )
        self._write(response)

    def _write(self, response: Response) -> None:
        if response.upgrade is not None:
            self._hand_over(response.upgrade)
            return
        self.send_response(response.code)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Cache-Control", "no-cache, private")
        for name, value in response.headers:
            self.send_header(name, value)
        if response.stream is None:
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)
            self.wfile.flush()
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self._pour(response)

    def _hand_over(self, upgrade: Callable[[socket.socket], None]) -> None:
        self.close_connection = True
        try:
            upgrade(self.connection)
        except Hangup:
            self._hang_up()

    def _pour(self, response: Response) -> None:
        stream = response.stream or iter(())
        try:
            for chunk in stream:
                if chunk:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                    self.wfile.flush()
                elif self._abandoned():
                    break
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        except Hangup:
            self._hang_up()
        except OSError:
            self.close_connection = True
        finally:
            close = getattr(stream, "close", None)
            if close:
                close()

    def _abandoned(self) -> bool:
        """Whether the client has closed its side while we had nothing to say."""
        connection = self.connection
        try:
            connection.setblocking(False)
            return not connection.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        finally:
            with contextlib.suppress(OSError):
                connection.settimeout(self.timeout)

    def _hang_up(self) -> None:
        """Close at once, as a machine does that has gone away."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged; the simulator is asked too often."""


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Server(ThreadingHTTPServer):
    """A listening socket and its threads."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, application: Application, tls: ssl.SSLContext | None = None) -> None:
        verbs = {f"do_{method}": Handler.handle_any for method in METHODS}
        handler = type("BoundHandler", (Handler,), {"application": staticmethod(application), **verbs})
        super().__init__(("127.0.0.1", port), handler)
        self._tls = tls
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 5.0}, daemon=True)

    @property
    def port(self) -> int:
        """The port that was given."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def server_bind(self) -> None:
        """Bind without asking for the machine's name, which may be slow."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a silent client holds up nobody."""
        if self._tls is not None:
            request.settimeout(HANDSHAKE_SECONDS)
            try:
                request = self._tls.wrap_socket(request, server_side=True)
            except OSError:
                return
        with contextlib.closing(request):
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are the client's affair."""
        fault = sys.exc_info()[1]
        if not isinstance(fault, OSError | ValueError):
            traceback.print_exc(file=sys.stderr)
