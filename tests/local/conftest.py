"""Directories in which servers started by root may run: pytest's own are closed to other users."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minispod.local import binaries, places, processes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="minispod-local-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def run_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a few lines of Python as a process of their own; killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *args: object) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", code, *map(str, args)]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        started.append(subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def wheel_only(monkeypatch: pytest.MonkeyPatch, open_dir: Path) -> None:
    """As on a machine where nothing is installed: only the binaries that pip brought."""
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES", open_dir / "nothing")
    monkeypatch.setenv("PATH", str(open_dir))
    monkeypatch.setattr(places, "FALLBACK", open_dir / "fallback")


def wait_until(claim: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    """Whether the claim comes true in time."""
    deadline = time.monotonic() + seconds
    while not (true := claim()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def is_gone(pid: int) -> bool:
    """Whether no living process has this number."""
    return processes.command_of(pid) is None
