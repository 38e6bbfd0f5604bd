"""The supervisor's mechanics, on real small processes."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from minispod.local import processes, supervisor
from minispod.local.console import Console
from minispod.local.processes import Program
from minispod.local.supervisor import Part, Supervisor
from tests.local.conftest import is_gone, wait_until


class Terminal(io.StringIO):
    """What a person would have read."""

    @property
    def lines(self) -> list[str]:
        return [line.partition(" | ")[2] for line in self.getvalue().splitlines()]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def supervise(tmp_path: Path, terminal: Terminal) -> Callable[..., Supervisor]:
    """A supervisor of these parts; it is asked to stop as soon as all are ready, unless told otherwise."""

    def make(*parts: Part, on_ready: Callable[[Supervisor], None] = Supervisor.ask_to_stop) -> Supervisor:
        made = Supervisor(
            parts, console=Console(terminal, {}), logs=tmp_path, on_ready=lambda: on_ready(made)
        )
        return made

    return make


def python(code: str, *, stop_signal: signal.Signals = signal.SIGTERM) -> Program:
    argv = (sys.executable, "-u", "-c", code)
    return Program(argv=argv, env=dict(os.environ), stop_signal=stop_signal)


SLEEP = Program(argv=("sleep", "60"), env=dict(os.environ))


def test_parts_start_when_what_they_need_is_ready_and_stop_in_reverse(
    supervise: Callable[..., Supervisor], terminal: Terminal, tmp_path: Path
) -> None:
    polite = """
import signal, sys, time
def leave(*_): print('bye', sys.argv[0] or 'NAME', flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, leave); print('up NAME', flush=True)
open('PLACE/NAME', 'w').close()
time.sleep(60)
"""

    def part(name: str, *after: str) -> Part:
        code = polite.replace("NAME", name).replace("PLACE", str(tmp_path))
        return Part(name, python(code.replace("sys.argv[0] or ", "")), (tmp_path / name).exists, after)

    step = Part("step", python("print('step')"), after=("store",), once=True)

    assert supervise(part("store"), step, part("web", "step")).run() == 0

    assert terminal.lines == ["up store", "step", "up web", "bye web", "bye store"]
    assert (tmp_path / "web.log").read_text().splitlines() == ["up web", "bye web"]


def test_a_quiet_part_speaks_only_to_its_file(
    supervise: Callable[..., Supervisor], terminal: Terminal, tmp_path: Path
) -> None:
    supervise(Part("store", python("print('a secret')"), once=True, quiet=True)).run()

    assert terminal.lines == []
    assert (tmp_path / "store.log").read_text() == "a secret\n"


def test_a_crashed_part_is_started_again_and_the_person_is_told(
    supervise: Callable[..., Supervisor],
    terminal: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.05)
    lives = tmp_path / "lives"
    lives.touch()

    killed: list[int] = []

    def is_ready() -> bool:
        born = [int(pid) for pid in lives.read_text().split()]
        if len(born) == 2:
            running.ask_to_stop()
        # The second one is ready when it has spoken itself: before that, nobody would ask again.
        return len(born) > len(killed)

    def kill(running: Supervisor) -> None:
        killed.append(int(lives.read_text()))
        os.kill(killed[0], signal.SIGKILL)

    code = f"import os, time; print(os.getpid(), file=open('{lives}', 'a')); time.sleep(60)"
    running = supervise(Part("web", python(code), is_ready), on_ready=kill)

    assert running.run() == 0
    assert terminal.lines == ["web ended (killed by SIGKILL); starting it again in 0.05 s"]


def test_a_part_that_keeps_crashing_is_given_up_with_a_pointer_to_its_log(
    supervise: Callable[..., Supervisor],
    terminal: Terminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.01)
    crash = Part("web", python("raise SystemExit(3)"), lambda: False)

    assert supervise(Part("store", SLEEP), crash).run() == 1

    assert terminal.lines[0] == "web ended (exit status 3); starting it again in 0.01 s"
    assert terminal.lines[-1] == f"web ended 6 times in a row; see {tmp_path / 'web.log'}"


def test_a_failed_step_ends_the_run(supervise: Callable[..., Supervisor], terminal: Terminal) -> None:
    step = Part("migrate", python("print('no such table'); raise SystemExit(1)"), once=True)

    assert supervise(step, Part("web", SLEEP, after=("migrate",))).run() == 1

    assert terminal.lines[0] == "no such table"
    assert terminal.lines[1].startswith("migrate failed (exit status 1); see ")


def test_nobody_waits_for_what_is_done_aside(
    supervise: Callable[..., Supervisor], terminal: Terminal
) -> None:
    endless = Part("endless", SLEEP, once=True, aside=True, start_seconds=0.0)

    assert supervise(Part("server", SLEEP), endless).run() == 0


def test_what_fails_aside_is_said_and_ends_nothing(
    supervise: Callable[..., Supervisor], terminal: Terminal
) -> None:
    failing = Part("decoration", python("raise SystemExit(3)"), once=True, aside=True)
    after = Part("after", SLEEP, after=("decoration",))

    assert supervise(Part("server", SLEEP), failing, after).run() == 0
    assert any(line.startswith("decoration failed") for line in terminal.lines)


def test_a_part_that_never_gets_ready_ends_the_run(
    supervise: Callable[..., Supervisor], terminal: Terminal
) -> None:
    assert supervise(Part("web", SLEEP, lambda: False, start_seconds=0.2)).run() == 1

    assert terminal.lines[0].startswith("web was not ready within 0 s; see ")


def test_whoever_does_not_want_to_stop_is_killed_in_time(
    supervise: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    code = f"""
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
import os; open('{tmp_path}/up', 'w').write(str(os.getpid())); time.sleep(60)
"""
    began = time.monotonic()

    assert supervise(Part("stubborn", python(code), (tmp_path / "up").exists)).run() == 0

    assert time.monotonic() - began < 45, "it would have slept for a minute"
    assert int((tmp_path / "up").read_text()) not in processes.children_of(os.getpid())


KEPT = """
import os, signal, subprocess, sys, time; from pathlib import Path
from minispod.local import keeper
from minispod.local.console import Console
from minispod.local.processes import Program
from minispod.local.supervisor import Part, Supervisor
code = keeper.split_off_keeper()
if code is not None: sys.exit(code)
# A child of a child in a session of its own, as a job's process is.
job = "import subprocess as s, time; p = s.Popen(['sleep', '60'], start_new_session=True); print(p.pid, flush=True)"
job += "; time.sleep(60)"
part = Part("worker", Program((sys.executable, "-c", job), dict(os.environ)))
running = Supervisor([part], console=Console(sys.stdout), logs=Path(sys.argv[1]),
    on_ready=lambda: print(os.getpid(), flush=True))
signal.signal(signal.SIGTERM, lambda *_: running.ask_to_stop())
signal.signal(signal.SIGINT, lambda *_: running.ask_to_stop())
keeper.accept_signals()
status = running.run()
keeper.end_descendants()
sys.exit(status)
"""


@pytest.fixture
def kept(
    run_python: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> tuple[subprocess.Popen[str], int, int]:
    """A keeper, the supervisor it keeps, and the grandchild of the supervisor, all running."""
    process = run_python(KEPT, tmp_path)
    assert process.stdout is not None
    said = [process.stdout.readline().split()[-1] for _ in range(2)]
    working = next(iter(processes.children_of(process.pid)))
    return process, working, next(int(pid) for pid in said if int(pid) != working)


def test_killing_the_supervisor_leaves_no_orphan_however_deep(
    kept: tuple[subprocess.Popen[str], int, int],
) -> None:
    process, working, job = kept

    os.kill(working, signal.SIGKILL)

    assert process.wait(60) == 128 + signal.SIGKILL
    assert is_gone(working)
    assert is_gone(job)


def test_killing_the_keeper_leaves_no_orphan_however_deep(
    kept: tuple[subprocess.Popen[str], int, int],
) -> None:
    process, working, job = kept

    process.kill()

    assert wait_until(lambda: is_gone(working) and is_gone(job))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_ends_everything_with_status_zero(
    kept: tuple[subprocess.Popen[str], int, int], number: signal.Signals
) -> None:
    process, working, job = kept

    process.send_signal(number)

    assert process.wait(60) == 0
    assert is_gone(working)
    assert is_gone(job)
