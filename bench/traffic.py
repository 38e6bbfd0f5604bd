"""Requests at a web server, many at once, and what they cost: callers' seconds, servers' processor time."""

import math
import socket
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.memory import PROC, children

_TICKS = 100  # of the kernel's clock a second, on every Linux there is


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the status it must be answered with."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """What a row of requests cost: requests a second, milliseconds of callers, processor milliseconds per request."""

    per_second: float
    median: float
    p99: float
    web: float
    database: float


class Refused(RuntimeError):
    """A request was answered otherwise than expected, so that nothing was measured."""


def send(port: int, requests: Sequence[Request], *, at_once: int, web: int, database: int) -> Figures:
    """Send all, `at_once` at a time over connections that are kept; `web` and `database` are the servers' first pids.

    Raises Refused. The callers' own processor time is in nobody's figures, but they share the machine: they do as
    little as callers can.
    """
    waiting = [(request, _written(request, port)) for request in reversed(requests)]
    taken: list[float] = []
    refused: list[str] = []

    def work() -> None:
        with _Line(port) as line:
            while waiting and not refused:
                try:
                    request, written = waiting.pop()
                except IndexError:
                    break
                began = time.perf_counter()
                status, content = line.ask(written)
                taken.append(time.perf_counter() - began)
                if status != request.status:
                    refused.append(f"{request.method} {request.path}: {status} {content[:300]!r}")

    before, began = (busy(web), busy(database)), time.perf_counter()
    callers = [threading.Thread(target=work) for _ in range(at_once)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    seconds = time.perf_counter() - began
    if refused:
        raise Refused(refused[0])
    if len(taken) != len(requests):
        raise Refused(f"{len(taken)} of {len(requests)} requests were answered")
    return Figures(
        per_second=len(taken) / seconds,
        median=statistics.median(taken) * 1000,
        p99=sorted(taken)[math.ceil(len(taken) * 0.99) - 1] * 1000,
        web=(busy(web) - before[0]) / len(taken) * 1000,
        database=(busy(database) - before[1]) / len(taken) * 1000,
    )


def _written(request: Request, port: int) -> bytes:
    body = request.body or b""
    headers = {"Host": f"127.0.0.1:{port}", **request.headers}
    if request.body is not None:
        headers["Content-Length"] = str(len(body))
    lines = [
        f"{request.method} {request.path} HTTP/1.1",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Line:
    """A connection to the web server that is kept, and opened anew when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        come = self._more(self._socket)
        while (end := come.find(b"\r\n\r\n")) < 0:
            come += self._more(self._socket)
        head = come[:end].lower()
        status, content = int(head[9:12]), come[end + 4 :]
        _, said, rest = head.partition(b"\r\ncontent-length:")
        if not said and status not in (204, 304):
            raise Refused(f"an answer of unknown length: {head!r}")
        length = int(rest.split(b"\r\n", 1)[0]) if said and status != 304 else 0
        while len(content) < length:
            content += self._more(self._socket)
        if b"\r\nconnection: close" in head:
            self._close()
        return status, content

    def _more(self, line: socket.socket) -> bytes:
        come = line.recv(65536)
        if not come:
            raise Refused("the server hung up in the middle of an answer")
        return come

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def busy(root: int) -> float:
    """Processor seconds of a process and of all below it, those that have ended included."""
    below, family, ticks = children(), [root], 0
    while family:
        pid = family.pop()
        family += below.get(pid, ())
        try:
            words = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended, and is in its parent's sum
            continue
        ticks += sum(int(word) for word in words[11:15])
    return ticks / _TICKS


def workers_pss(root: int) -> list[float]:
    """Megabytes of each process directly below a server, what they have in common shared fairly."""
    sizes = []
    for pid in children().get(root, ()):
        lines = (Path(PROC) / str(pid) / "smaps_rollup").read_text().splitlines()
        sizes += [int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")]
    return sizes
