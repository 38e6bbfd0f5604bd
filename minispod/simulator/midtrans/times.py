"""The simulator's clock: real with an offset, or standing still until it is moved; and its time formats.

Everything inside is seconds since the epoch in UTC; what others see is Jakarta time. Invariant: time
never runs backwards by itself, and it survives a restart with a file store.
"""

import time
from datetime import UTC, datetime, timedelta, timezone

from minispod.simulator.midtrans.store import Store

WIB = timezone(timedelta(hours=7))
SETTLEMENT_HOUR = 16
_EXPIRY_FORMATS = ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M %z")


class Clock:
    """What time it is in the simulation."""

    def __init__(self, store: Store, *, is_manual: bool) -> None:
        self._store = store
        self.is_manual = is_manual
        self._begin()

    def _begin(self) -> None:
        if self.is_manual and self._store.fact("clock.at") is None:
            self._store.set_fact("clock.at", time.time())

    def now(self) -> float:
        """Seconds since the epoch."""
        if self.is_manual:
            return float(self._store.fact("clock.at"))
        return time.time() + float(self._store.fact("clock.offset") or 0.0)

    def advance(self, seconds: float) -> None:
        """Move ahead; a real clock goes on from there."""
        if self.is_manual:
            self._store.set_fact("clock.at", self.now() + seconds)
        else:
            self._store.set_fact("clock.offset", float(self._store.fact("clock.offset") or 0.0) + seconds)

    def set(self, at: float) -> None:
        """Jump to a moment."""
        self.advance(at - self.now())

    def reset(self) -> None:
        """Back to the real time."""
        self._store.set_fact("clock.offset", 0.0)
        self._store.set_fact("clock.at", time.time())


def wib(at: float) -> str:
    """As in Midtrans' messages: Jakarta time without an offset."""
    return datetime.fromtimestamp(at, WIB).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """Read RFC 3339 (or, without an offset, UTC); raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def from_expiry_start(text: str) -> float | None:
    """Read the `start_time` of a request; None where it has another format."""
    for pattern in _EXPIRY_FORMATS:
        try:
            return datetime.strptime(text, pattern).astimezone(UTC).timestamp()
        except ValueError:
            continue
    return None


def next_settlement(at: float) -> float:
    """When a card payment captured at `at` is settled: the next day at 16:00 in Jakarta."""
    day = datetime.fromtimestamp(at, WIB) + timedelta(days=1)
    return day.replace(hour=SETTLEMENT_HOUR, minute=0, second=0, microsecond=0).timestamp()
