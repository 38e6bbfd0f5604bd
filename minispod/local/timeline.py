"""A story told step by step: what happened, how long it took, and where it stopped."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

T = TypeVar("T")


class StoryStopped(Exception):
    """Something did not happen as told; the message says what came instead."""


class Timeline:
    """Prints one line per step: when it began, how long it took, what it found out."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._began = time.monotonic()
        self._remarks: list[str] = []
        self.durations: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._began

    def say(self, sentence: str) -> None:
        """Print a sentence of its own."""
        print(sentence, file=self._output, flush=True)

    def remark(self, fact: str) -> None:
        """Add a fact to the line of the present step."""
        self._remarks.append(fact)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Time what happens inside and print it; a step that fails says so before the story stops."""
        at, began = self.elapsed, time.monotonic()
        self._remarks = []
        outcome = "failed"
        try:
            yield
            outcome = "ok"
        finally:
            seconds = time.monotonic() - began
            self.durations[title] = seconds
            facts = f"  ({'; '.join(self._remarks)})" if self._remarks else ""
            self.say(f"  {at:7.2f} s  {seconds:7.2f} s  {outcome:<6}  {title}{facts}")


def eventually(ask: Callable[[], T | None], *, within: float, every: float = 0.5, otherwise: str) -> T:
    """Ask until the answer is neither None nor False; raises StoryStopped when time is up."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise StoryStopped(f"{otherwise} (waited {within:.0f} s)")
        time.sleep(every)
