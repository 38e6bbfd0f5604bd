"""Cold and warm start of `make demo`: in a fresh clone, with everything that has to be installed; then again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from minispod.local.timeline import StoryStopped

ROOT = Path(__file__).resolve().parents[1]
COLD_LIMIT, WARM_LIMIT, STOP_LIMIT = 1200.0, 120.0, 60.0
_SHOWN = 1500


def measure() -> None:
    """Clone the last commit, start it twice, print both."""
    directory = Path(tempfile.mkdtemp(prefix="minispod-bench-"))
    directory.chmod(0o711)  # the embedded servers run as somebody else when we are root
    try:
        clone = directory / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        cold = _start_and_stop(clone, COLD_LIMIT)
        warm = _start_and_stop(clone, WARM_LIMIT)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("Start of `make demo`, from the command to ready")
    print(f"  fresh clone (environment, databases, seed)  {cold:7.1f} s   (aim: under 180 s)")
    print(f"  again                                       {warm:7.1f} s   (aim: under 15 s)")
    print(f"  cold / warm                                 {cold / warm:7.1f}")


def _start_and_stop(clone: Path, limit: float) -> float:
    log = clone.parent / "log"
    environment = {**os.environ, "PORT": str(_free_port())}
    environment.pop("KUBECONFIG", None)
    with log.open("wb") as output:
        began = time.monotonic()
        demo = subprocess.Popen(
            ["make", "demo"], cwd=clone, env=environment, stdout=output, stderr=output, process_group=0
        )
        try:
            _await_ready(demo, clone / ".demo" / "endpoints.json", log, began + limit)
            return time.monotonic() - began
        finally:
            os.killpg(demo.pid, signal.SIGINT)
            demo.wait(STOP_LIMIT)


def _await_ready(demo: subprocess.Popen[bytes], endpoints: Path, log: Path, deadline: float) -> None:
    while not endpoints.exists():
        if demo.poll() is not None or time.monotonic() > deadline:
            raise StoryStopped(f"the demo did not start:\n{log.read_text(errors='replace')[-_SHOWN:]}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
