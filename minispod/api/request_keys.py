"""`Idempotency-Key`: the same request again gets the first answer, byte for byte (docs/adr/0034).

`once_per_key` is for acts of one unit of work: with a key it opens the unit itself and keeps the answer in it. Without
one nothing is kept, and the unit ends with the act: the answer is written when its locks are gone. An act in several
units (a top-up asks the gateway in between) claims its key in the first and keeps the answer in the last.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from hashlib import sha256
from typing import Any

from flask import Response, current_app, g, request

from minispod.kernel import kept_answers
from minispod.kernel.faultpoints import Step
from minispod.kernel.kept_answers import Answer, Key
from minispod.kernel.unit_of_work import is_open, unit_of_work
from minispod.ports import current_ports

REPLAYED = "Idempotent-Replayed"
"""The header that marks an answer which was given before."""


def once_per_key(step: Step) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run the view in one unit of work, or answer what it answered to this key before.

    Stands below the arguments of `RequestKeyHeader` and above all others. The view does its act in `acting`.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def once(headers: dict[str, Any], /, *args: Any, **kwargs: Any) -> Any:
            key = key_of_request(headers)
            if key is None:
                return view(headers, *args, **kwargs)
            with unit_of_work(current_ports().courier, step):
                if (given := claimed(key)) is not None:
                    return given
                answer = current_app.make_response(view(headers, *args, **kwargs))
                keep(key, answer)
                return answer

        return once

    return decorate


@contextmanager
def acting(step: Step) -> Iterator[None]:
    """The unit of work of the act: the one in which the answer will be kept, or one that ends here."""
    if is_open():
        yield
        return
    with unit_of_work(current_ports().courier, step):
        yield


def key_of_request(headers: dict[str, Any]) -> Key | None:
    """The key this request came with, and a digest of all that was asked; None when it has none."""
    request_key = headers["request_key"]
    if request_key is None:
        return None
    asked = (request.method, request.path, request.query_string.decode("latin-1"), request.mimetype)
    digest = sha256("\n".join(asked).encode() + b"\n" + request.get_data(cache=True))
    return Key(g.user.id, request_key, digest.hexdigest())


def claimed(key: Key | None) -> Response | None:
    """Take the key in the open unit of work; the answer that was given under it before, marked as such."""
    kept = kept_answers.claim(key, at=current_ports().clock.now()) if key else None
    if kept is None:
        return None
    answer = current_app.response_class(kept.body, kept.status, mimetype="application/json")
    answer.headers[REPLAYED] = "true"
    return answer


def keep(key: Key | None, answer: Response) -> None:
    """Keep the answer in the open unit of work."""
    if key:
        kept_answers.keep(key, Answer(answer.status_code, answer.get_data()))
