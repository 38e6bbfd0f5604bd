"""Waiting for the cluster within a request (decisions 5 and 35): bounded in time and in threads.

Nothing is held meanwhile: whoever waits looks, gives its database connection back and sleeps. At most half of the
threads that live connections leave may wait, so that the others always answer; and the wait ends when the server does.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from flask import Flask, current_app

from minispod.kernel.unit_of_work import release_connection
from minispod.settings import Settings

T = TypeVar("T")

_LOOK_SECONDS = 0.3
_EXTENSION = "minispod.patience"


class Patience:
    """The places of one process for those who wait."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._free = threading.BoundedSemaphore(places) if places else None
        self._is_ending: Callable[[], bool] = lambda: False

    def end_when(self, is_ending: Callable[[], bool]) -> None:
        """Let every wait end as soon as this is true: the server is going down."""
        self._is_ending = is_ending

    def wait_for(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """What `look` finds, asked again and again; None after `seconds`, or at once when no place is free.

        `look` is called without a transaction, and its connection is given back after each call.
        """
        if self._free is None or not self._free.acquire(blocking=False):
            return None
        try:
            return self._look_until(look, time.monotonic() + seconds)
        finally:
            self._free.release()

    def _look_until(self, look: Callable[[], T | None], deadline: float) -> T | None:
        while True:
            release_connection()
            left = deadline - time.monotonic()
            if left <= 0 or self._is_ending():
                return None
            time.sleep(min(_LOOK_SECONDS, left))
            if (found := look()) is not None:
                return found


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its places."""
    held = settings.operation.realtime_connections if settings.operation.serve_realtime else 0
    app.extensions[_EXTENSION] = Patience(max(0, settings.web.web_threads - held) // 2)


def patience_of(app: Flask) -> Patience:
    """The places of an application."""
    found: Patience = app.extensions[_EXTENSION]
    return found


def wait_for(look: Callable[[], T | None], seconds: float) -> T | None:
    """Wait in the running application; see `Patience.wait_for`."""
    return patience_of(current_app).wait_for(look, seconds)
