"""Who is connected just now, bounded per account and per process.

The invariant: a guest that left, vanished or was sent away has been told to `end` exactly once, so that
nothing is followed for somebody who is gone.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from minispod.kernel.errors import TooMany
from minispod.realtime.visitors import Visitor


class TooManyStreams(TooMany):
    """The account, or this process, has enough open streams."""

    code = "realtime.too_many_streams"
    default_message = "Too many live views are open. Please close one and try again."


def _nothing() -> None:
    return


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Guest:
    """One client in one namespace; `end` stops what runs for it, `is_over` says that it has been here too long."""

    sid: str
    namespace: str
    visitor: Visitor
    end: Callable[[], None] = field(default=_nothing, repr=False)
    is_over: Callable[[], bool] = field(default=_never, repr=False)


class Presence:
    """The guests of one namespace."""

    def __init__(self, *, per_account: int, in_all: int) -> None:
        self._per_account = per_account
        self._in_all = in_all
        self._guests: dict[str, Guest] = {}
        self._lock = threading.Lock()

    def enter(self, guest: Guest) -> None:
        """Note a guest; refuses TooManyStreams."""
        with self._lock:
            same = sum(each.visitor.user_id == guest.visitor.user_id for each in self._guests.values())
            if same >= self._per_account or len(self._guests) >= self._in_all:
                raise TooManyStreams()
            self._guests[guest.sid] = guest

    def leave(self, sid: str) -> None:
        """Forget a guest and end what runs for it; harmless when it left before."""
        with self._lock:
            guest = self._guests.pop(sid, None)
        if guest is not None:
            guest.end()

    def guests(self) -> tuple[Guest, ...]:
        """Everybody who is here."""
        with self._lock:
            return tuple(self._guests.values())
