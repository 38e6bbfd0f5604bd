"""Start and stop child processes so that none of them can outlive us.

Not for deciding what runs when: that is the supervisor. The invariant: every child asks the kernel to be signalled
when its parent dies (PR_SET_PDEATHSIG) and leads its own process group. The kernel ties that wish to the parent
*thread*, so `spawn` belongs to the main thread.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Loaded before any fork: between fork and exec a child may call it, but must not load anything.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Account:
    """A system user that a process runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Program:
    """A command line with all it needs; `stop_signal` asks it to end in an orderly way."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def spawn(program: Program, *, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the program; it is told to stop as soon as we are gone, however we went."""
    account = program.account
    return subprocess.Popen(
        program.argv,
        env=dict(program.env),
        cwd=program.cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # Runs after the change of user, which would clear the wish; calls only what is loaded already.
        preexec_fn=_die_with_parent(program.stop_signal),  # noqa: PLW1509
    )


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, *, within_seconds: float) -> None:
    """End the child, politely first; whatever is left of its process group is killed."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    kill_group(process.pid)


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that is gone already is none of our concern."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_group(leader: int) -> None:
    """Kill what remains of the group that a child of ours led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def die_with(parent: int, stop_signal: signal.Signals) -> None:
    """Ask the kernel to signal us when the parent dies; callable between fork and exec."""
    _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
    if os.getppid() != parent:  # it died before the wish was heard
        os._exit(1)


def adopt_orphans() -> None:
    """Make descendants whose parent died children of ours instead of init's, so that they can be found."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid: int) -> dict[int, str]:
    """Living children (zombies are not living) by pid, with their command lines."""
    return {child: command for child, parent, command in _processes() if parent == pid}


def command_of(pid: int) -> str | None:
    """The command line of a living process, None if there is none."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return raw.replace(b"\0", b" ").decode(errors="replace").strip() or None


def _processes() -> Iterator[tuple[int, int, str]]:
    """Every living process as (pid, parent, command line)."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in parentheses may itself contain blanks and parentheses.
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        command = command_of(int(entry.name))
        if state not in "ZX" and command is not None:
            yield int(entry.name), int(parent), command


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()
    return lambda: die_with(parent, stop_signal)
