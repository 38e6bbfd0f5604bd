"""`make demo`, started as a person starts it, with data of its own: for tests that see the program from outside."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minispod.local import processes
from minispod.local.processes import Program
from tests.plugins.rights import ServiceAccounts

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, STOP_SECONDS = 400.0, 30.0
# What belongs to the person at the terminal must not decide what this test runs on.
NOT_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "KUBECONFIG",
    "WEB_KUBECONFIG",
    "PORT",
    "BASE_DOMAIN",
    "CORS_ORIGINS",
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    state: Path
    environment: dict[str, str]


@pytest.fixture
def demo(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[Demo]:
    """The demo; its parameter is the cluster, "simulator" or "kubernetes"."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    environment |= {"PORT": str(_free_port()), "PYTHONPATH": str(ROOT)}
    if request.param == "kubernetes":
        accounts: ServiceAccounts = request.getfixturevalue("service_accounts")
        environment |= {
            "KUBECONFIG": accounts.worker,
            "WEB_KUBECONFIG": accounts.web,
            "SERVICE_ACCOUNTS_NAMESPACE": accounts.namespace,
            "TENANT_PRIORITY_CLASS": "minispod-tenant",
        }
    else:
        environment.pop("INGRESS_ADDRESS", None)
    state = Path(tempfile.mkdtemp(prefix="minispod-story-"))
    state.chmod(0o711)  # servers started by root run as another user, who must be able to pass through
    argv = (sys.executable, "-m", "minispod.local.demo", "--state", str(state))
    with (state / "demo.log").open("wb") as output:
        process = processes.spawn(Program(argv, environment, ROOT, stop_signal=signal.SIGINT), output=output)
    try:
        _await_ready(process, state)
        yield Demo(state, environment)
    finally:
        processes.stop(process, signal.SIGINT, within_seconds=STOP_SECONDS)
        shutil.rmtree(state, ignore_errors=True)


def _await_ready(process: "subprocess.Popen[bytes]", state: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (state / "endpoints.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(
                f"the demo did not start:\n{(state / 'demo.log').read_text(errors='replace')[-4000:]}"
            )
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
