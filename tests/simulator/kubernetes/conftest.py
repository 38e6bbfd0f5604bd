"""A simulator of this suite's own, because levers disturb whoever else uses it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config

from tests.contracts.kubernetes.target import Room, Target, new_room

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 90.0


@dataclass(frozen=True)
class Running:
    """A simulator process, what it wrote into its ready file, and a client of its API."""

    process: subprocess.Popen[bytes]
    facts: Mapping[str, str]
    target: Target

    def pull(self, lever: str, **body: Any) -> Any:
        """Pull a lever that must work, and return its result."""
        status, answer = self.ask_levers("POST", lever, body)
        assert status == 200, answer
        return answer["result"]

    def ask_levers(
        self, method: str, lever: str = "", body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        """One request to the levers."""
        request = urllib.request.Request(
            f"{self.facts['levers']}/{lever}".rstrip("/"),
            json.dumps(body).encode() if method == "POST" else None,
            {"Authorization": f"Bearer {token or self.facts['lever_token']}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process, and return how it ended."""
        self.target.api.rest_client.pool_manager.clear()
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


def launch(directory: Path, *more: str) -> Running:
    """Start a simulator whose files are in that directory."""
    ready, kubeconfig = directory / "ready.json", directory / "kubeconfig"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "minispod.simulator.kubernetes", "--kubeconfig", str(kubeconfig)]
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--ready-file", str(ready), *more],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the simulator did not start: {(directory / 'log').read_text()[-2000:]}")
        time.sleep(0.02)
    facts = json.loads(ready.read_text())
    api = config.new_client_from_config(facts["kubeconfig"])
    return Running(process, facts, Target("simulator", api, facts["ingress"], 15.0))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, nothing_left_behind: None) -> Iterator[Running]:
    """The simulator of this suite, in which time passes quickly."""
    running = launch(tmp_path_factory.mktemp("levers"), "--speed", "20")
    yield running
    running.stop()


@pytest.fixture
def sim(running: Running) -> Iterator[Running]:
    """The simulator, reset afterwards."""
    yield running
    running.pull("clear")
    running.pull("reset")
    running.pull("speed", speed=20)


@pytest.fixture
def target(sim: Running) -> Target:
    """Its API."""
    return sim.target


@pytest.fixture
def room(target: Target) -> Room:
    """A namespace; the reset takes it away."""
    return new_room(target)
