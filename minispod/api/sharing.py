"""One answer for everybody who asks within a few seconds: for reports that cost much and are the same for all staff.

In each process one request works it out while the others wait for it. How old an answer is stands in its `Age`; the
moment it was made is its `timestamp`. Stands below the guard, because whoever may not look gets nothing that is kept.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from threading import Lock
from typing import Any

from flask import Response, current_app, make_response

from minispod.ports import current_ports, current_settings


class _Kept:
    """The newest answer of one view in one application."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.body = b""
        self.made_at: datetime | None = None

    def answer(self, view: Callable[[], Any], bound: timedelta) -> Response:
        """The answer, if it is younger than `bound`; else another one, which is kept."""
        at = current_ports().clock.now()
        if self.made_at is not None and timedelta(0) <= at - self.made_at < bound:
            known = Response(self.body, mimetype="application/json")
            known.headers["Age"] = str(int((at - self.made_at).total_seconds()))
            return known
        fresh = make_response(view())
        if fresh.status_code == 200:
            self.body, self.made_at = fresh.get_data(), at
        return fresh


def shared(view: Callable[..., Any]) -> Callable[..., Any]:
    """Answer with what somebody was answered up to `SHARED_ANSWER_SECONDS` before; the view takes no arguments."""

    @wraps(view)
    def answered() -> Response:
        bound = timedelta(seconds=current_settings().web.shared_answer_seconds)
        if not bound:
            return make_response(view())
        kept: _Kept = current_app.extensions.setdefault("minispod.shared", {}).setdefault(view, _Kept())
        # Who has waited as long as an answer holds does without the others: they wait for a database that is silent.
        has_turn = kept.lock.acquire(timeout=bound.total_seconds())
        try:
            return kept.answer(view, bound)
        finally:
            if has_turn:
                kept.lock.release()

    return answered
