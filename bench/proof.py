"""The whole proof over many customers: how long it takes, and the most memory it and the database take for it."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench import memory
from minispod.local.timeline import StoryStopped

ROOT = Path(__file__).resolve().parents[1]
_LOOK_SECONDS = 0.05


def measure(url: str, server: int) -> None:
    """Run `flask proof` on the database and print its table, its time and its memory."""
    watch = _Watch(server)
    watch.start()
    began = time.monotonic()
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MINISPOD_ENV": "test",
    }
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "proof", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    watch.stop()
    if done.returncode != 0:
        raise StoryStopped(
            f"the proof does not say that all adds up:\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
    told = json.loads(done.stdout)
    print("The whole proof")
    for check in told["checks"]:
        print(f"  {check['check']:<20} {check['lookedAt']:>10,} rows {check['seconds']:8.2f} s")
    print(f"  all checks                            {told['seconds']:7.2f} s   (aim: under 30 s)")
    print(f"  with the start of the command         {seconds:7.2f} s")
    own = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"  memory of the command, at most        {own:7.1f} MB")
    print(f"  private memory of PostgreSQL, at most {watch.most / 1024:7.1f} MB\n")


class _Watch(threading.Thread):
    """Looks again and again at what the server's processes hold for themselves (kB)."""

    def __init__(self, server: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._over = threading.Event()
        self.most = 0

    def run(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(_LOOK_SECONDS):
            children = memory.children().get(self._server, [])
            self.most = max(self.most, sum(_private(pid) for pid in children))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def _private(pid: int) -> int:
    try:
        status = (memory.PROC / str(pid) / "status").read_text()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)
