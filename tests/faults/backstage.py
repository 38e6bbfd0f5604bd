"""The real processes of one shop, as the Procfile names them: started, signalled and ended by the test.

Not a plugin: conftest.py builds fixtures from it. The invariant: `end` leaves no process of ours behind.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from minispod.local import places, processes
from minispod.local.processes import Program

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 25.0


class Backstage:
    """Starts web, workers and schedulers in one environment."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC", **environment}
        self._log = log
        self._running: list[subprocess.Popen[bytes]] = []

    def web(self, **changed: str) -> tuple[str, subprocess.Popen[bytes]]:
        """A web server: its address, at which it may not answer yet, and the master of its one worker."""
        with socket.create_server((places.LOOPBACK, 0)) as free:
            address = "{}:{}".format(*free.getsockname()[:2])
        options = ("--no-control-socket", "-k", "gthread", "--threads", "12", "-b", address)
        return f"http://{address}", self._start("gunicorn", *options, "wsgi:app", **changed)

    def worker(self, *queues: str, **changed: str) -> subprocess.Popen[bytes]:
        """A worker on the given queues, or on all; `changed` are settings of its own."""
        return self._start("minispod.worker", "worker", *queues, **changed)

    def scheduler(self) -> subprocess.Popen[bytes]:
        """A scheduler."""
        return self._start("minispod.worker", "scheduler")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process as the kernel ends one that eats too much memory."""
        process.kill()
        process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """End a process as an operator does; returns its exit status."""
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS)

    def end(self) -> None:
        """Kill every process that was started here."""
        while self._running:
            processes.stop(self._running.pop(), signal.SIGKILL, within_seconds=3)

    def said(self) -> str:
        """The end of what they all wrote, for a person who reads a failure."""
        return self._log.read_text(errors="replace")[-6000:] if self._log.exists() else ""

    def _start(self, module: str, *arguments: str, **changed: str) -> subprocess.Popen[bytes]:
        program = Program((sys.executable, "-m", module, *arguments), self._environment | changed, ROOT)
        with self._log.open("ab") as output:
            self._running.append(processes.spawn(program, output=output))
        return self._running[-1]
