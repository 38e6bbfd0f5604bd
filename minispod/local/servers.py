"""A local server: how it is started, when it answers, how it is stopped.

PostgreSQL and Redis differ only in their plan. The supervisor carries plans out itself; tests use `start`.
"""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minispod.local import processes
from minispod.local.processes import Program
from minispod.local.refusals import CannotStart

START_SECONDS = 30.0
STOP_SECONDS = 8.0
PORT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """All that is needed to run one server; `remarks` are for the person at the terminal."""

    name: str
    url: str
    program: Program
    answers: Callable[[], bool]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    url: str
    process: subprocess.Popen[bytes]
    plan: ServerPlan

    def stop(self) -> None:
        """Shut it down in order; harmless when it is gone already."""
        processes.stop(self.process, self.plan.program.stop_signal, within_seconds=STOP_SECONDS)


def start(make_plan: Callable[[], ServerPlan], *, log: Path) -> Server:
    """Start a server and wait until it answers.

    A port that was free a moment ago may be taken by now, therefore the plan is made anew if the server ends early.
    """
    for _ in range(PORT_ATTEMPTS):
        plan = make_plan()
        with log.open("ab") as output:
            process = processes.spawn(plan.program, output=output)
        if _comes_up(plan, process):
            return Server(plan.url, process, plan)
        processes.stop(process, plan.program.stop_signal, within_seconds=STOP_SECONDS)
    raise CannotStart(f"{plan.name} did not start: {_last_line(log)} (log: {log})")


def _comes_up(plan: ServerPlan, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if plan.answers():
            return True
        time.sleep(0.02)
    return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
