"""What will happen to transactions by itself: expiry, card settlement, bank confirmations.

A timer names an event and a moment. Whether the event is still possible is decided when it rings: a
timer that comes too late is simply spent.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from minispod.simulator.midtrans.store import Store

TIMER = "timer"


@dataclass(slots=True)
class Timer:
    """One event to come."""

    transaction_id: str
    event: str
    at: float
    given: dict[str, Any] = field(default_factory=dict)
    id: str = ""


class Timers:
    """All events to come."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def set(self, timer: Timer) -> None:
        """Wind up a timer."""
        with self._store.writing():
            timer.id = timer.id or str(self._store.next_number("timer"))
            self._store.put(
                TIMER, timer.id, asdict(timer), owner=timer.transaction_id, state="set", due_at=timer.at
            )

    def take_due(self, now: float) -> Timer | None:
        """Take the earliest timer that has rung, if any."""
        with self._store.writing():
            for body in self._store.due(TIMER, "set", now)[:1]:
                self._store.delete(TIMER, body["id"])
                return Timer(**body)
        return None

    def next_at(self) -> float | None:
        """When the next one rings."""
        return self._store.next_due(TIMER, "set")
