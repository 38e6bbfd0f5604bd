"""ETags of the catalogue: a client that has the present version is answered 304 before anything is rendered.

The tag is made of the version of the catalogue, of the room on the machines, of who looks and of what was asked for.
The version is read first, so an answer is never older than its tag. Tags are weak, because every answer carries the
time at which it was made. Whoever stores an answer asks again each time, so that a change shows at once; what was
asked for with a token is stored for its owner alone. A few rendered answers are kept, under their tags.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Response, make_response, request

from minispod.api.envelope import Door
from minispod.api.guard import is_staff_looking
from minispod.catalog import version
from minispod.cluster import monitoring
from minispod.ports import current_settings

_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The `ETag` of an answer that the client has; 304 says that it is still true",
}

_VERSION = version.reading(monitoring.capacity_mark())
# What answers look like and what they are worked out by: an update of the program may change that, and the catalogue
# stays as it is.
_PROGRAM = sha256(
    b"".join(each.read_bytes() for each in sorted(Path(__file__).parents[1].rglob("*.py")))
).hexdigest()


class _Bodies:
    """The answers that were asked for last, as many as there is room for."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._guard = Lock()

    def find(self, tag: str) -> bytes | None:
        with self._guard:
            body = self._bodies.get(tag)
            if body is not None:
                self._bodies.move_to_end(tag)
            return body

    def keep(self, tag: str, body: bytes) -> None:
        with self._guard:
            self._bytes += len(body) - len(self._bodies.pop(tag, b""))
            self._bodies[tag] = body
            while len(self._bodies) > self._most or self._bytes > self._most_bytes:
                self._bytes -= len(self._bodies.popitem(last=False)[1])


_bodies = _Bodies(256, 1024 * 1024)


def fresh(
    door: Door, *, differs_for_staff: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the answers of a view of the catalogue an ETag, and answer 304 to whoever has it already."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def answered(*args: Any, **kwargs: Any) -> Response:
            tag = _tag(differs_for_staff=differs_for_staff)
            if tag in request.if_none_match.as_set(include_weak=True):
                return _stamped(Response(status=304), tag)
            body = _bodies.find(tag)
            if body is not None:
                return _stamped(Response(body, mimetype="application/json"), tag)
            response = make_response(view(*args, **kwargs))
            if response.status_code == 200:
                _bodies.keep(tag, response.get_data())
                _stamped(response, tag)
            return response

        answered = door.alt_response(304, description="The client has the present version")(answered)
        documented: Callable[..., Any] = door.doc(parameters=[_IF_NONE_MATCH])(answered)
        return documented

    return decorate


def _tag(*, differs_for_staff: bool) -> str:
    cluster = current_settings().cluster
    # First, with a connection of its own: the session must not hold one meanwhile, or requests wait for one another.
    read = version.read(_VERSION)
    parts = (
        _PROGRAM,
        read,
        f"{cluster.cpu_request_ratio} {cluster.memory_request_ratio} {cluster.capacity_reserve}",
        str(differs_for_staff and is_staff_looking()),
        request.path,
        request.query_string.decode("latin-1"),
    )
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def _stamped(response: Response, tag: str) -> Response:
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = "private, no-cache" if _has_token() else "public, no-cache"
    response.headers["Vary"] = "Authorization"
    return response


def _has_token() -> bool:
    return "Authorization" in request.headers
