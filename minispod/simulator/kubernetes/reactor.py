"""The one thread that lets simulated time pass: due timers and reconciliations, run one after the other.

Time is virtual: it passes `speed` times as fast as the wall clock. Work is deduplicated by key; a failing piece of
work is reported and never stops the thread. Idle means asleep.
"""

import heapq
import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

SLOWEST, FASTEST = 0.01, 1000.0
Work: TypeAlias = Callable[..., None]


class Reactor:
    """Timers in virtual seconds and a queue of keyed work."""

    def __init__(self, lock: threading.RLock, speed: float = 1.0) -> None:
        self._lock = lock
        self._wake = threading.Condition(threading.Lock())
        self._timers: list[tuple[float, int, Work, tuple[Any, ...]]] = []
        self._queue: dict[tuple[Work, tuple[Any, ...]], None] = {}
        self._order = itertools.count()
        self._speed = speed
        self._anchor_wall = time.monotonic()
        self._anchor_virtual = 0.0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="reactor", daemon=True)

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in one real one."""
        return self._speed

    def start(self) -> None:
        """Let time pass."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the piece of work it is at."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=2)

    def now(self) -> float:
        """The virtual time, in seconds."""
        return self._anchor_virtual + (time.monotonic() - self._anchor_wall) * self._speed

    def set_speed(self, speed: float) -> None:
        """Let time pass at another rate from now on; waiting timers keep what is left of them."""
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"speed must be between {SLOWEST} and {FASTEST}")
        with self._wake:
            self._anchor_virtual, self._anchor_wall = self.now(), time.monotonic()
            self._speed = speed
            self._wake.notify()

    def later(self, seconds: float, work: Work, *args: Any) -> None:
        """Run the work once that many simulated seconds have passed."""
        with self._wake:
            heapq.heappush(self._timers, (self.now() + seconds, next(self._order), work, args))
            self._wake.notify()

    def soon(self, work: Work, *args: Any) -> None:
        """Run the work as soon as possible; asking twice before it ran is asking once."""
        with self._wake:
            self._queue[(work, args)] = None
            self._wake.notify()

    def clear(self) -> None:
        """Forget everything that was planned."""
        with self._wake:
            self._timers.clear()
            self._queue.clear()

    def _run(self) -> None:
        while (piece := self._next()) is not None:
            work, args = piece
            try:
                with self._lock:
                    work(*args)
            except Exception:  # noqa: BLE001 - time must not stop because one piece of work is faulty
                traceback.print_exc(file=sys.stderr)

    def _next(self) -> tuple[Work, tuple[Any, ...]] | None:
        """The next piece of work, waiting for it if need be; None once stopped."""
        with self._wake:
            while not self._stopped:
                if self._queue:
                    key = next(iter(self._queue))
                    del self._queue[key]
                    return key
                wait = None
                if self._timers:
                    wait = (self._timers[0][0] - self.now()) / self._speed
                    if wait <= 0:
                        _, _, work, args = heapq.heappop(self._timers)
                        return work, args
                self._wake.wait(wait)
        return None
