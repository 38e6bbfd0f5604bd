"""A proxy between us and an S3 server that spoils chosen requests."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>No.</Message></Error>'


@dataclass
class Faults:
    """`spoil` sees method and path of each request and names its fate; None lets it pass.

    Fates: a status to answer with, "cut" before an answer, "half" of an answer, "hang".
    """

    url: str = ""
    spoil: Callable[[str, str], int | str | None] = lambda method, path: None
    seen: list[tuple[str, str]] = field(default_factory=list)
    released: Event = field(default_factory=Event)


@contextmanager
def spoiled(target: str) -> Iterator[Faults]:
    """Run the proxy before `target`."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.seen.append((self.command, self.path))
            fate = faults.spoil(self.command, self.path)
            self.close_connection = True
            if fate == "hang":
                faults.released.wait(30)
            elif isinstance(fate, int):
                code = {403: "AccessDenied", 503: "SlowDown"}.get(fate, "InternalError")
                self._answer(fate, ERROR.format(code=code).encode(), {})
            elif fate != "cut":
                status, headers, content = _ask(target, self.command, self.path, self.headers, body)
                self._answer(status, content, headers, is_half=fate == "half")

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - as the library calls them

        def _answer(
            self, status: int, content: bytes, headers: dict[str, str], *, is_half: bool = False
        ) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name in headers}:
                self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if is_half else content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    faults.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield faults
    finally:
        faults.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _ask(
    target: str, method: str, path: str, headers: http.client.HTTPMessage, body: bytes
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(target).netloc, timeout=20)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        kept = {
            name: value
            for name, value in answer.getheaders()
            if name.lower() not in ("connection", "transfer-encoding", "date", "server")
        }
        if method != "HEAD":
            kept = {name: value for name, value in kept.items() if name.lower() != "content-length"}
        return answer.status, kept, content
    finally:
        connection.close()
