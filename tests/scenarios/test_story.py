"""`make demo` and `make story`, from the outside: on the simulated cluster always, on a real one with --cluster.

On the real one the processes have the tokens of our own service accounts, not the administrator's (deploy/).
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minispod.instances.naming import namespace_for
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.local import processes
from minispod.local.processes import Program
from tests.plugins.rights import ServiceAccounts

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, STORY_SECONDS, STOP_SECONDS = 150.0, 900.0, 30.0
# What belongs to the person at the terminal must not decide what this test runs on.
NOT_OURS = ("DATABASE_URL", "REDIS_URL", "KUBECONFIG", "WEB_KUBECONFIG", "PORT", "BASE_DOMAIN")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    state: Path
    environment: dict[str, str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once per cluster."""
    if "demo" in metafunc.fixturenames:
        clusters = ["simulator", "kubernetes"] if metafunc.config.getoption("--cluster") else ["simulator"]
        metafunc.parametrize("demo", clusters, indirect=True)


@pytest.fixture
def demo(request: pytest.FixtureRequest, nothing_left_behind: None) -> Iterator[Demo]:
    """The demo as `make demo` starts it, with data of its own."""
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


@pytest.mark.timeout(START_SECONDS + STORY_SECONDS + STOP_SECONDS)
def test_one_customers_story_ends_well(demo: Demo) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "minispod.local.story", "--state", str(demo.state)],
        env=demo.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STORY_SECONDS,
        check=False,
    )

    _clean_up(demo, told.stdout)
    print(told.stdout)
    log = (demo.state / "demo.log").read_text(errors="replace")
    assert told.returncode == 0, f"{told.stdout}\n{told.stderr}\nThe demo said:\n{log[-4000:]}"
    assert "The story ends well" in told.stdout
    assert "left out" not in told.stdout


def _clean_up(demo: Demo, told: str) -> None:
    """A customer keeps the namespace for the next order; this one will not come back."""
    account = re.search(r"\(account ([0-9a-f-]{36})\)", told)
    kubeconfig = demo.environment.get("KUBECONFIG")
    if account and kubeconfig:
        KubernetesCluster(kubeconfig).delete_namespace(namespace_for(uuid.UUID(account.group(1))))


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
