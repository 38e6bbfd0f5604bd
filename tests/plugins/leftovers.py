"""No test leaves a process behind: what still runs when all fixtures are gone fails the run."""

import os
import time
from collections.abc import Iterator

import pytest

from minispod.local import processes

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Set up before and torn down after every other fixture, so that no child has an excuse."""
    processes.adopt_orphans()
    yield
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := processes.children_of(os.getpid())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f"tests left these processes behind: {left}"
