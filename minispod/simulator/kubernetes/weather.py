"""Bad weather between client and server, by levers: silence, delay, and answers that fail.

Only the API port has weather; levers and the front of the ingresses do not.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from minispod.simulator.kubernetes.machinery.refusals import Refusal
from minispod.simulator.kubernetes.wire.exchange import Request
from minispod.simulator.kubernetes.wire.routes import find_route
from minispod.simulator.kubernetes.wire.server import Hangup

VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "HEAD": "get"}
REASONS = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
SILENCES = ("hang", "refuse", "503")


@dataclass(slots=True)
class Failure:
    """The next requests of a sort fail."""

    verb: str
    kind: str
    status: int
    times: int
    message: str
    retry_after: int | None = None

    def fits(self, verb: str, plural: str, kind: str) -> bool:
        """Whether it is meant for such a request."""
        return self.verb in ("*", verb) and self.kind.lower() in ("*", plural, kind.lower())


class Weather:
    """What requests have to endure."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._silent_until = 0.0
        self._silence = "hang"
        self._delay = 0.0
        self._failures: list[Failure] = []

    def go_silent(self, seconds: float, how: str) -> None:
        """For that long (wall time) the API hangs, refuses or answers 503; 0 ends it."""
        if how not in SILENCES:
            raise ValueError(f"silence is one of {', '.join(SILENCES)}")
        with self._changed:
            self._silent_until, self._silence = time.monotonic() + seconds, how
            self._changed.notify_all()

    def delay(self, seconds: float) -> None:
        """Every request waits that long first."""
        self._delay = max(0.0, seconds)

    def fail_next(self, failure: Failure) -> None:
        """Let requests fail until the failure is used up."""
        with self._lock:
            self._failures.append(failure)

    def clear(self) -> None:
        """Fair weather again."""
        with self._changed:
            self._silent_until, self._delay = 0.0, 0.0
            self._failures.clear()
            self._changed.notify_all()

    def shown(self) -> dict[str, object]:
        """The present weather."""
        with self._lock:
            left = max(0.0, self._silent_until - time.monotonic())
            failures = [f"{one.verb} {one.kind} {one.status} x{one.times}" for one in self._failures]
            return {
                "silent_for": round(left, 1),
                "silence": self._silence,
                "delay": self._delay,
                "failures": failures,
            }

    def endure(self, request: Request) -> None:
        """Let a request pass, late or not at all."""
        self._bear_silence()
        if self._delay:
            time.sleep(self._delay)
        failure = self._take(request)
        if failure:
            reason = REASONS.get(failure.status, "InternalError")
            raise Refusal(failure.status, reason, failure.message, {}, retry_after=failure.retry_after)

    def _bear_silence(self) -> None:
        with self._changed:
            if self._silent_until <= time.monotonic():
                return
            if self._silence == "503":
                text = "the server is currently unable to handle the request"
                raise Refusal(503, "ServiceUnavailable", text, {}, retry_after=1)
            if self._silence == "hang":
                while (left := self._silent_until - time.monotonic()) > 0:
                    self._changed.wait(left)
        raise Hangup

    def _take(self, request: Request) -> Failure | None:
        if not self._failures:
            return None
        verb, plural, kind = _sort_of(request)
        with self._lock:
            for failure in self._failures:
                if failure.fits(verb, plural, kind):
                    failure.times -= 1
                    if failure.times <= 0:
                        self._failures.remove(failure)
                    return failure
        return None

    def accompany(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """A stream breaks off when silence falls."""
        for chunk in chunks:
            if self._silent_until > time.monotonic():
                raise Hangup
            yield chunk


def _sort_of(request: Request) -> tuple[str, str, str]:
    """The verb as levers name it, and the resource."""
    try:
        route = find_route(request.path)
    except Refusal:
        return VERBS.get(request.method, "get"), "", ""
    verb = VERBS.get(request.method, "get")
    if verb == "get" and route.name is None:
        verb = "watch" if request.query.get("watch") in ("true", "1") else "list"
    elif verb == "patch" and request.content_type == "application/apply-patch+yaml":
        verb = "apply"
    plural = (
        route.resource.plural if route.subresource is None else f"{route.resource.plural}/{route.subresource}"
    )
    return verb, plural, route.resource.kind
