"""Requests at a web server, many at once, and what they cost: callers' seconds, servers' processor time."""

import http.client
import math
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

    Raises Refused. The callers' own processor time is in nobody's figures, but they share the machine.
    """
    waiting = list(reversed(requests))
    taken: list[float] = []
    refused: list[str] = []

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while waiting and not refused:
            try:
                request = waiting.pop()
            except IndexError:
                break
            began = time.perf_counter()
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            content = answer.read()
            taken.append(time.perf_counter() - began)
            if answer.status != request.status:
                refused.append(f"{request.method} {request.path}: {answer.status} {content[:300]!r}")
        connection.close()

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
