"""What a job function gets and what it may answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from minispod.kernel.outbox import Lease
from minispod.ports import Ports
from minispod.settings import Settings


@dataclass(frozen=True, slots=True)
class Work:
    """One leased piece of work with everything needed to do it."""

    lease: Lease
    ports: Ports
    settings: Settings

    def now(self) -> datetime:
        """The present instant, from the clock port; a job that waits for somebody reads it again."""
        return self.ports.clock.now()


Handler = Callable[[Work], timedelta | None]
"""A job function: None means done, a span means "again after this". A raised Unavailable means later."""

PeriodicHandler = Callable[[Ports, Settings], None]
"""A periodic job: it selects what is due and fans out; harmless when run twice or late."""


class PeriodicJob(Protocol):
    """One line of the timetable, as far as running it goes."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def run(self) -> PeriodicHandler:
        """What it does."""
        ...
