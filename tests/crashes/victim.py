"""A process that dies at a named point: a fork of the test's own process, killed by the kernel.

The invariant: the child ends by SIGKILL at the wanted point or exits by itself, and never returns into the test.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable

from flask import Flask

from minispod.kernel import faultpoints
from minispod.kernel.database import db
from minispod.kernel.faultpoints import FaultPoint

PATIENCE_SECONDS = 30
_FORK = multiprocessing.get_context("fork")


def dies_at(point: FaultPoint, app: Flask, act: Callable[[], object]) -> bool:
    """Do `act` in a child that is killed at `point`; whether it came there."""

    def kill(reached: FaultPoint) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def live() -> None:
        # What the parent holds open stays the parent's: the child makes connections of its own.
        with app.app_context():
            db.engine.dispose(close=False)
        faultpoints.listen(kill)
        act()

    child = _FORK.Process(target=live)
    child.start()
    child.join(PATIENCE_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
        raise AssertionError(f"the child hangs on its way to {point}")
    return child.exitcode == -signal.SIGKILL
