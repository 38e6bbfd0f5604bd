"""Runs a table of parts: starts each when what it needs is ready, restarts what crashes, stops all in reverse order.

One thread, one loop. Not for knowing what the parts are: that is the table's business. The invariant: when `run`
returns, no part is running (what parts left behind is the keeper's business).
"""

import enum
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from minispod.local import processes
from minispod.local.console import Console
from minispod.local.logs import LogPump
from minispod.local.processes import Program

RESTARTS_IN_A_ROW = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
# Whoever has been ready this long and then ends has not failed "again".
SETTLED_SECONDS = 30.0
STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the table: a server that shall keep running, or (`once`) a step that shall succeed.

    Nobody waits for a step that is done `aside`, and if it fails, that is said and nothing else ends.
    """

    name: str
    program: Program
    is_ready: Callable[[], bool] = lambda: True
    after: tuple[str, ...] = ()
    once: bool = False
    aside: bool = False
    quiet: bool = False
    # Generous: after a crash a scheduler has to wait until the lock of its predecessor expires.
    start_seconds: float = 120.0


class Standing(enum.Enum):
    """Where a part stands."""

    WAITING = enum.auto()  # for what it needs
    STARTING = enum.auto()
    READY = enum.auto()
    PAUSED = enum.auto()  # before the next attempt
    DONE = enum.auto()  # a step that succeeded


@dataclass(slots=True)
class _Charge:
    """A part in our care."""

    part: Part
    stage: int
    standing: Standing = Standing.WAITING
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    failures: int = 0
    resume_at: float = field(default=0.0)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class GaveUp(Exception):
    """A part cannot be kept running; the message says which and where to look."""


class Supervisor:
    """Takes care of parts from `run` until somebody asks to stop."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        console: Console,
        logs: Path,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._console = console
        self._pump = LogPump(logs, console)
        self._on_ready = on_ready
        self._charges = _in_care(parts)
        self._was_ready = False
        self._stopping = False

    def ask_to_stop(self) -> None:
        """Make `run` return soon; safe in a signal handler."""
        self._stopping = True

    def run(self) -> int:
        """Keep the parts running. 0: stopped on request; 1: gave up."""
        code = 0
        try:
            while not self._stopping:
                self._advance()
                self._pump.pump(0.5 if self._was_ready and self._all_up() else 0.05)
        except GaveUp as reason:
            self._console.say(str(reason))
            code = 1
        finally:
            self._stop_all()
        return code

    def _advance(self) -> None:
        for charge in self._charges:
            if self._stopping:
                return
            self._step(charge)
        if not self._was_ready and self._all_up():
            self._was_ready = True
            self._on_ready()

    def _step(self, charge: _Charge) -> None:
        now = time.monotonic()
        match charge.standing:
            case Standing.WAITING if self._needs_met(charge.part):
                self._start(charge)
            case Standing.PAUSED if now >= charge.resume_at:
                self._start(charge)
            case Standing.STARTING | Standing.READY if not charge.is_alive:
                self._take_end(charge)
            case Standing.STARTING if not charge.part.once and charge.part.is_ready():
                charge.standing, charge.since = Standing.READY, now
            case Standing.STARTING if (
                not charge.part.aside and now - charge.since > charge.part.start_seconds
            ):
                patience = f"{charge.part.start_seconds:.0f} s"
                raise GaveUp(f"{charge.part.name} was not ready within {patience}; {self._see_log(charge)}")
            case _:
                pass

    def _start(self, charge: _Charge) -> None:
        process = processes.spawn(charge.part.program, output=subprocess.PIPE)
        assert process.stdout is not None  # noqa: S101 - it was asked for above
        self._pump.attach(charge.part.name, process.stdout, quiet=charge.part.quiet)
        charge.process, charge.since, charge.standing = process, time.monotonic(), Standing.STARTING

    def _take_end(self, charge: _Charge) -> None:
        """Judge a process that ended by itself."""
        assert charge.process is not None  # noqa: S101 - only started charges end
        status, part, now = charge.process.returncode, charge.part, time.monotonic()
        processes.kill_group(charge.process.pid)
        if part.once:
            failure = f"{part.name} failed ({_describe(status)}); {self._see_log(charge)}"
            if status != 0 and not part.aside:
                raise GaveUp(failure)
            if status != 0:
                self._console.say(failure)
            charge.standing = Standing.DONE
            return
        settled = charge.standing is Standing.READY and now - charge.since > SETTLED_SECONDS
        charge.failures = 1 if settled else charge.failures + 1
        if charge.failures > RESTARTS_IN_A_ROW:
            raise GaveUp(f"{part.name} ended {charge.failures} times in a row; {self._see_log(charge)}")
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (charge.failures - 1), LONGEST_PAUSE_SECONDS)
        charge.standing, charge.resume_at = Standing.PAUSED, now + pause
        self._console.say(f"{part.name} ended ({_describe(status)}); starting it again in {pause:g} s")

    def _needs_met(self, part: Part) -> bool:
        return all(
            each.standing in (Standing.READY, Standing.DONE)
            for each in self._charges
            if each.part.name in part.after
        )

    def _all_up(self) -> bool:
        up = (Standing.READY, Standing.DONE)
        return all(each.part.aside or each.standing in up for each in self._charges)

    def _see_log(self, charge: _Charge) -> str:
        return f"see {self._pump.path_of(charge.part.name)}"

    def _stop_all(self) -> None:
        """Stage by stage, last started first; each stage may use the time that others left over."""
        began = time.monotonic()
        stages = sorted({each.stage for each in self._charges if each.is_alive}, reverse=True)
        for number, stage in enumerate(stages, start=1):
            charges = [each for each in self._charges if each.stage == stage and each.is_alive]
            for charge in charges:
                processes.send(charge.process.pid, charge.part.program.stop_signal)  # type: ignore[union-attr]
            deadline = began + STOP_SECONDS * number / len(stages)
            while any(each.is_alive for each in charges) and time.monotonic() < deadline:
                self._pump.pump(0.05)
        for charge in self._charges:
            if charge.process is not None and charge.is_alive:
                processes.stop(charge.process, signal.SIGKILL, within_seconds=1)
        self._pump.close()


def _in_care(parts: Sequence[Part]) -> list[_Charge]:
    """Number the stages: a part comes after all that it names. The table names only parts above it."""
    stages: dict[str, int] = {}
    for part in parts:
        stages[part.name] = 1 + max((stages[name] for name in part.after), default=0)
    return [_Charge(part, stages[part.name]) for part in parts]


def _describe(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
